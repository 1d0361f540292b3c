"""Stores in a bucket: a local working folder that follows one, and puts there what it finishes."""
