"""The engine: judges journal entries and commits the decisions."""
