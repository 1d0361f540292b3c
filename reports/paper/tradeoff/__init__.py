"""The price of robustness: clean SROCC against worst-case SROCC, a point per model and defence."""
