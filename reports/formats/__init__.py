"""One writer and its templates per format: HTML, LaTeX, Markdown and CSV."""
