"""docs/cluster.md: its scripts are shell and YAML, and state no option that iqabench or Ray does not know."""

import re
import subprocess

import pytest

from iqabench.tests.pages import blocks, page_of
from iqabench.tests.test_readme import refusal

PAGE = page_of("cluster.md")
SCRIPTS = blocks(PAGE, "bash")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.splitlines()[1])
def test_a_script_is_shell_and_its_commands_are_understood(script):
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    commands = re.findall(r"^\s*iqabench (.*)$", script, re.MULTILINE)
    assert len(commands) == 1
    assert refusal(commands[0]) is None


def test_the_manifest_is_yaml_and_its_command_is_understood():
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    (manifest,) = blocks(PAGE, "yaml")
    job = yaml.safe_load(manifest)["spec"]
    command, _, arguments = job["entrypoint"].partition(" ")
    assert command == "iqabench"
    assert refusal(arguments) is None
    groups = [job["rayClusterSpec"]["headGroupSpec"], *job["rayClusterSpec"]["workerGroupSpecs"]]
    for group in groups:
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == {
            volume["name"] for volume in pod["volumes"]
        }


def test_options_of_ray_exist():
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    from ray.scripts.scripts import start, stop, symmetric_run

    commands = {"start": [start], "stop": [stop], "symmetric-run": [symmetric_run, start]}
    used = re.findall(
        r"^(?:srun (?:--no-kill )?)?ray (start|stop|symmetric-run) (.*)$", "\n".join(SCRIPTS), re.MULTILINE
    )
    assert [name for name, _ in used] == ["stop", "symmetric-run", "start", "start"]
    for name, options in used:
        known = {option for command in commands[name] for each in command.params for option in each.opts}
        assert set(re.findall(r"--[a-z][\w-]*", options)) <= known
