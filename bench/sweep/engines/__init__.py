"""Engines, which compute a sweep: in this process, or on a Ray cluster."""
