"""A function or a command is a model that answers and shows no gradient."""

import sys

import numpy as np
import pytest
import torch

from iqabench import UserError
from iqabench.models.adapted.blackbox import BlackBox, queries_of

FUNCTIONS = """
def mean(image):
    assert image.dtype == "uint8" and image.flags["C_CONTIGUOUS"]
    return image[..., 0].mean() - image[..., 2].mean()

def broken(image):
    raise ValueError("no such thing")
"""


@pytest.fixture
def functions(tmp_path):
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    return str(tmp_path / "functions.py")


def test_a_function_gets_rgb_pictures_of_8_bits_and_queries_are_counted(functions):
    model, images = BlackBox(f"{functions}:mean"), torch.rand(3, 3, 5, 7)
    levels = (images * 255).round()
    torch.testing.assert_close(model(images), levels[:, 0].mean((1, 2)) - levels[:, 2].mean((1, 2)))
    assert queries_of(torch.nn.Sequential(model)) == 3
    assert queries_of(torch.nn.ReLU()) == 0


def test_a_command_gets_a_file_and_prints_the_score_last(tmp_path):
    script = tmp_path / "metric.py"
    script.write_text(
        "import sys, numpy, PIL.Image\n"
        "print('version 2: score', -numpy.asarray(PIL.Image.open(sys.argv[1])).mean())\n"
    )
    model, images = BlackBox(command=[sys.executable, str(script), "{image}"]), torch.rand(2, 3, 5, 7)
    torch.testing.assert_close(model(images), -(images * 255).round().mean((1, 2, 3)))


def test_another_source_is_another_model(functions):
    before = BlackBox(f"{functions}:mean").state_dict()["source"]
    assert not torch.equal(before, BlackBox(f"{functions}:broken").state_dict()["source"])
    with open(functions, "a") as file:
        file.write("# changed\n")
    assert not torch.equal(before, BlackBox(f"{functions}:mean").state_dict()["source"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "either `function` or `command`"),
        ({"command": ["no-such-program", "{image}"]}, "no program 'no-such-program'"),
        ({"command": [sys.executable]}, r"no \{image\}"),
        ({"function": "nowhere.py:f"}, "no such file"),
        ({"function": "numpy:pi"}, "is a float, not a class or a function"),
        ({"function": "numpy:no_such"}, "cannot be imported"),
    ],
)
def test_mistakes_are_named(params, message):
    with pytest.raises(UserError, match=message):
        BlackBox(**params)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('none')", "printed no number: 'none"),
        ("import sys; sys.exit('out of memory')", "ended with status 1: out of memory"),
        ("import time; time.sleep(9)", "took longer than 0.3 s"),
    ],
)
def test_a_command_that_fails_says_how(code, message):
    model = BlackBox(
        command=[sys.executable, "-c", code, "{image}"], timeout=5 if "sleep" not in code else 0.3
    )
    with pytest.raises(UserError, match=message):
        model(torch.rand(1, 3, 4, 4))


def test_a_function_that_fails_is_named_with_its_error(functions):
    with pytest.raises(
        UserError, match=r"broken failed for a picture \(4, 4, 3\): ValueError: no such thing"
    ):
        BlackBox(f"{functions}:broken")(torch.from_numpy(np.zeros((1, 3, 4, 4), np.float32)))
