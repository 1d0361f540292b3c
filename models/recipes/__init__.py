"""Training recipes that any model may take: `recipe = "gradient_norm"` in its table. One file each."""
