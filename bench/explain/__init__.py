"""Probes inside a trained model. They compute numbers; `reports.explain` draws them."""
