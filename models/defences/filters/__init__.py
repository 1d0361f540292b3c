"""Defences that smooth or sharpen an image."""
