"""Everyday corruptions of images, at five severities: a quality score should fall with each."""
