"""The store against a paper, a pinned baseline, or the paper's claims."""
