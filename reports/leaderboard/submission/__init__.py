"""Entries of the leaderboard: made from a store, read and verified."""
