"""`highwater detect`: scores for any numeric series."""
