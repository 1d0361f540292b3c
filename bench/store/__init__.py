"""The store of raw per-image scores, and everything derived from them: metrics, intervals, results."""
