"""What a prepared sweep says of its configuration before it runs."""

import pytest


@pytest.mark.parametrize(("step_size", "said"), [(1, True), (8 / 255, False)])
def test_a_step_that_is_longer_than_the_ball_is_wide_may_be_in_another_unit(
    planned, tiny_config, step_size, said
):
    tiny_config.write_text(f"{tiny_config.read_text()}step_size = {step_size}\n")
    notes = planned("results", attacks=["fgsm", "pgd"]).notes
    sentence = (
        "attack pgd: step_size = 1 is 255/255, more than the width of the largest ball, 8/255, so each step "
        "ends on its border; a step of one grey level is 0.0039"
    )
    assert [note for note in notes if "step_size" in note] == [sentence] * said
