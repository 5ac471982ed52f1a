"""What is measured of a model: counts, slices, scores, intervals, statistics."""
