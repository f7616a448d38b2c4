"""The page, and what it asks that programs seldom do."""
