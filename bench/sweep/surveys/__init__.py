"""Measurements of models that are not attacks."""
