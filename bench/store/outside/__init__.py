"""Scores that others measured: their files, and the cells made of them."""
