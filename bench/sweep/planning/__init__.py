"""What a table of the configuration stands for in a sweep."""
