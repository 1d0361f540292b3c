"""Indicators of how searches for a higher or lower score go."""
