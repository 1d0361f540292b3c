"""Where a sweep is computed: in this process, or on a Ray cluster."""
