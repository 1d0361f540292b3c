"""Whatever is in a file, no command shows a traceback, hangs or takes much memory.

A call that fails names the file in one paragraph. `IQABENCH_FUZZ=50 pytest tests/fuzz` tries so many
damages of each kind of file instead of a few.
"""

import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .conftest import EXAMPLES
from .damage import damages
from .kinds import KINDS
from .limits import MORE_SECONDS, PATIENCE, called, the_error


@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_to_a_file_shows_a_traceback_hangs_or_takes_much_memory(workspace, kind):
    @settings(
        max_examples=EXAMPLES or 2,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        phases=[Phase.generate],  # a smaller damage would take minutes to find, and tells no more
    )
    @given(st.data())
    def examine(data: st.DataObject) -> None:
        read = KINDS[kind]
        command = data.draw(st.sampled_from(read.commands), "command")
        if EXAMPLES:
            workspace.honest_seconds(command, read)  # which sees that the command reads honest files
        files = workspace.restore(read)
        file = data.draw(st.sampled_from(files), "file")
        data.draw(damages(file), "damage")(file)
        if kind == "configuration" and workspace.asks_for_other_work():
            command = read.commands[0]
        started = time.monotonic()
        result = called(workspace, command.split(), PATIENCE)
        taken = time.monotonic() - started
        if taken > MORE_SECONDS:
            assert taken < 3 * workspace.honest_seconds(command, read) + MORE_SECONDS, command
        if not (file.is_file() or file.is_dir()):
            file.unlink(missing_ok=True)  # hypothesis reads the source of a plugin, and would wait for a pipe
        nothing_to_compare = command.startswith("check") and result.stdout  # a verdict, not an error
        if result.exit_code == 2 and not nothing_to_compare:
            error = the_error(result)
            assert file.name in error or file.stem in error, error

    examine()
