"""The HTTP routes; each handler checks the role, queries the store, and answers."""
