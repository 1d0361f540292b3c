"""Recipes that attack a model while it is trained: `recipe = "fast"` in its table. One file each."""
