"""Measurements of models that are not attacks: certificates, bounds and corruptions."""
