"""The look of figures, and the training curves."""
