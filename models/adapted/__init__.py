"""Makes a model of a network or a metric as it is: by its input, range and direction, or as a black box."""
