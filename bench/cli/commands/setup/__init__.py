"""Commands about what is installed, configured and at hand."""
