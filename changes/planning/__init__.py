"""Checks of planned changes: overlaps, load, conflicts, SEC completeness, the published schedule."""
