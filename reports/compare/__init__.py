"""Compares two models, of one store or of two, on the same images."""
