"""What makes a model of a network or a metric as it is: input, range and direction, or a black box."""
