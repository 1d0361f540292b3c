"""Draw Figures 1, 4 and 5 from what `bench.explain` left in a store."""
