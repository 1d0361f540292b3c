"""Indicators that need scores only: on what besides its image a score depends, and how it moves."""
