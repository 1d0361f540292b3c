"""The audit: whether the robustness that attacks measured of a model is to be believed."""
