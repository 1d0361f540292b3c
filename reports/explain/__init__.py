"""Draws what `bench.explain` computed: Figures 1, 4 and 5."""
