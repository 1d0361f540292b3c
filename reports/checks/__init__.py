"""Compares a store with a paper, a pinned baseline, or the paper's claims."""
