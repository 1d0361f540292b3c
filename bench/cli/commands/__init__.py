"""The subcommands of `iqabench`, one file each."""
