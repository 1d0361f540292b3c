"""Noisy scores of models, from which certificates are computed."""
