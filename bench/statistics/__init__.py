"""Numbers from scores: metrics, worst cases, robustness scores, and their bootstrap intervals. No files."""
