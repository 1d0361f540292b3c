from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from iqabench import UserError
from iqabench.bench.core.parameters import LATER, Inherited, complete_parameters, keyed


class Factory:
    def __init__(
        self, kind: Literal["a", "b"], steps: Annotated[int, Field(ge=1)] = 10,
        step_size: float | None = None, copy: bool = False, args: dict[str, Any] | None = None,
    ) -> None: ...  # fmt: skip


def complete(**given):
    return complete_parameters(Factory, given, where="bench.toml: [models.x]")


def test_defaults_are_filled_in_so_that_a_result_states_them_all():
    assert complete(kind="a") == {"kind": "a", "steps": 10, "step_size": None, "copy": False, "args": None}


def test_values_are_converted_to_their_types():
    assert complete(kind="b", step_size=1, args={"layers": [1, 1]})["step_size"] == 1.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "key 'kind': missing, and it has no default"),
        ({"kind": "c"}, "key 'kind': found 'c', accepted is 'a' or 'b'"),
        ({"kind": "a", "steps": 0}, "key 'steps': found 0, accepted is greater than or equal to 1"),
        ({"kind": "a", "steps": "many"}, "key 'steps': found 'many', accepted is a valid integer"),
        ({"kind": "a", "step": 3}, "unknown key 'step': did you mean 'steps' or 'step_size'"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_accepted(given, message):
    with pytest.raises(UserError, match=rf"bench\.toml: \[models\.x\]: {message}"):
        complete(**given)


def test_a_function_or_a_class_without_a_constructor_will_do():
    class Plain: ...

    assert complete_parameters(Plain, {}, where="") == {}
    assert complete_parameters(lambda size=3: size, {"size": 4}, where="") == {"size": 4}


def test_a_constructor_that_takes_anything_is_given_anything():
    def anything(size: int = 1, **more: Any) -> None: ...

    assert complete_parameters(anything, {"colour": "red"}, where="") == {"size": 1, "colour": "red"}


def test_what_a_constructor_hands_on_to_its_base_class_is_checked_by_the_base_class_too():
    class Base:
        def __init__(self, backbone: str = "resnet50", pretrained: bool = False) -> None: ...

    class Between(Base): ...

    class Model(Between):
        def __init__(self, width: int = 4, **options: Inherited) -> None: ...

    class Other(Base):
        def __init__(self, backbone: str = "vgg16", **options: Inherited) -> None: ...

    filled = {"width": 4, "backbone": "resnet50", "pretrained": False}
    assert complete_parameters(Model, {}, where="") == filled
    assert complete_parameters(Other, {}, where="") == {"backbone": "vgg16", "pretrained": False}
    with pytest.raises(UserError, match="unknown key 'backbon': did you mean 'backbone'"):
        complete_parameters(Model, {"backbon": "x"}, where="")
    with pytest.raises(UserError, match="key 'pretrained': found 3"):
        complete_parameters(Model, {"pretrained": 3}, where="")


def test_a_parameter_of_a_later_version_is_part_of_keys_where_it_does_not_have_its_default():
    class Base:
        def __init__(self, size: int = 3, order: Annotated[str, LATER] = "up") -> None: ...

    class Model(Base):
        def __init__(self, mixed: Annotated[bool, LATER] = False, **options: Inherited) -> None: ...

    def key_of(**given):
        return keyed(Model, complete_parameters(Model, given, where=""))

    assert key_of() == key_of(mixed=False, order="up") == {"size": 3}
    assert key_of(size=4, mixed=True) == {"size": 4, "mixed": True}
    assert key_of(order="down") == {"size": 3, "order": "down"}
