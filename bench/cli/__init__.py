"""The `iqabench` command. Nothing else knows click."""
