"""Resolves tables of the configuration into the parts of a sweep."""
