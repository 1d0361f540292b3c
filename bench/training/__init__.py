"""How a model is trained: the loop, recipes and regimes, checkpoints, snapshots of a run in progress."""
