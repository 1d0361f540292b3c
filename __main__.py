"""`python -m iqabench`: the same as the `iqabench` command."""

from .bench.cli.main import main

main(prog_name="iqabench")
