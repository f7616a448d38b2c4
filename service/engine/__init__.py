"""The engine: judges journal entries and commits what they decide."""
