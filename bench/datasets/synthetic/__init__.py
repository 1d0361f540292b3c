"""The built-in procedural dataset, a stand-in for a database."""
