"""The commands about the leaderboard: its site, its entries, and scores that others measured."""
