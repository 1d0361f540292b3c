"""Metrics of the library pyiqa as models: `pyiqa:NAME`."""
