"""Planning checks before the night: overlaps, load, conflicts, SEC completeness, the published schedule."""
