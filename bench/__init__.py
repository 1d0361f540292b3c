"""The harness: configuration, datasets, training, the sweep, its store and its metrics."""
