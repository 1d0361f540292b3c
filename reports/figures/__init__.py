"""How figures look, and those drawn from results."""
