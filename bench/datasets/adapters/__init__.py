"""One adapter per database, each reading it as its owner distributes it."""
