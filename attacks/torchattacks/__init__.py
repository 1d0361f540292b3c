"""Attacks of the library torchattacks on quality scores: `torchattacks:NAME`."""
