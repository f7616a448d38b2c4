"""Comparison of our JSON decoder with well-kept packages."""
