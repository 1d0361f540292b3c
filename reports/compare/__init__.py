"""Two models of one store or of two, compared on the same images."""
