"""Indicators that need scores only: what a score depends on other than its image, and how it moves."""
