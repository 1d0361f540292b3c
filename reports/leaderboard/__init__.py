"""The leaderboard: entries that anybody can submit, stores, and the static site made of them."""
