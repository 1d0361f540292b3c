"""The subcommands of `iqabench`."""
