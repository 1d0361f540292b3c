"""What several attacks use: balls, objectives, and a quality model seen as a classifier."""
