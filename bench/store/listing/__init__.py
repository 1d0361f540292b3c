"""Facts that a large store keeps about its cells, so that they need not be read to be listed."""
