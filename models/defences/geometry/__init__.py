"""Defences that move the pixels of an image, and noise."""
