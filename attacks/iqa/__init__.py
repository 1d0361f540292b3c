"""Attacks that were made for image quality metrics. One file per attack."""
