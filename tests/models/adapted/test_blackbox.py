"""A function or a command is a model that answers and shows no gradient."""

import os
import sys

import numpy as np
import pytest
import torch

from iqabench import UserError
from iqabench.models.adapted.blackbox import BlackBox, queries_of
from iqabench.testing import check_model

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


@pytest.mark.parametrize(
    ("printed", "score"),
    [
        ("1,5 images: 0.25", 0.25),
        ("of [1, 2]: .5 dB", 0.5),
        ("-1e-3", -1e-3),
        ("image 3: NaN", np.nan),
        ("7: -inf", -np.inf),
    ],
)
def test_the_last_number_that_a_command_prints_is_the_score(printed, score):
    model = BlackBox(command=[sys.executable, "-c", f"print({printed!r})", "{image}"])
    assert model(torch.rand(1, 3, 4, 4)).item() == pytest.approx(score, nan_ok=True)


def test_a_file_that_a_function_imports_is_part_of_its_source(functions, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "black_box_parts.py").write_text("def part(image): return image\n")
    with open(functions, "a") as file:
        file.write("from black_box_parts import part\n")
    before = BlackBox(f"{functions}:mean").state_dict()["source"]
    (tmp_path / "black_box_parts.py").write_text("def part(image): return image + 1\n")
    for name in [name for name in sys.modules if name.startswith(("iqabench_file_", "black_box_parts"))]:
        monkeypatch.delitem(sys.modules, name)  # as in another process
    assert not torch.equal(before, BlackBox(f"{functions}:mean").state_dict()["source"])
    assert BlackBox("math:fsum").state_dict()["source"].any()


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
        (
            {"function": "nowhere.py:f"},
            "no such file: /.*nowhere.py; a relative path is of the current folder",
        ),
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
        ("print('score: 37,5')", "printed '37,5', which may be one number or several"),
        ("print('0.5,0.7 (two)')", "printed '0.5,0.7', which may be"),
        ("print('1,234.5')", "printed '1,234.5', which may be"),
        ("import sys; sys.exit('out of memory')", "ended with status 1: out of memory"),
        ("import time; time.sleep(9)", "took longer than 0.3 s"),
    ],
)
def test_a_command_that_fails_says_how(code, message):
    model = BlackBox(
        command=[sys.executable, "-c", code, "{image}"], timeout=60 if "sleep" not in code else 0.3
    )
    with pytest.raises(UserError, match=message):
        model(torch.rand(1, 3, 4, 4))


def test_a_command_gets_no_input_and_may_print_bytes_of_any_encoding():
    code = "import sys; sys.stdout.buffer.write(b'caf\\xe9 %d.25' % len(sys.stdin.read()))"
    model = BlackBox(command=[sys.executable, "-c", code, "{image}"])
    before, (typed, keyboard) = os.dup(0), os.pipe()
    os.write(keyboard, b"typed")
    os.close(keyboard)
    os.dup2(typed, 0)
    try:
        assert model(torch.rand(1, 3, 4, 4)).tolist() == [0.25]
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(typed)


def test_a_function_that_fails_is_named_with_its_error(functions):
    with pytest.raises(
        UserError, match=r"broken failed for a picture \(4, 4, 3\): ValueError: no such thing"
    ):
        BlackBox(f"{functions}:broken")(torch.from_numpy(np.zeros((1, 3, 4, 4), np.float32)))


def test_a_rehearsal_blames_no_line_of_iqabench_for_a_command_that_fails():
    code = "import sys; sys.exit('out of memory')"
    with pytest.raises(UserError, match=r"ended with status 1: out of memory$"):
        check_model(lambda: BlackBox(command=[sys.executable, "-c", code, "{image}"]))
