"""The leaderboard's static pages."""
