"""One model on one dataset under one attack: scores, the ends of intervals, and the worst case as images."""
