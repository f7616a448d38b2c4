"""The change calendar: formats, revisions, windows, completeness."""
