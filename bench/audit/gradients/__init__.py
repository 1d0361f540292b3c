"""Indicators of what a model's gradient says and what its score does."""
