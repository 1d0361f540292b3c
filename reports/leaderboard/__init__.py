"""The leaderboard: submissions, and the static site made of them and of a store."""
