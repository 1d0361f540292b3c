"""Parts of the configuration that `bench/core/config.py` is made of."""
