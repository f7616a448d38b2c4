"""The embedded monitor: HTTP, page, storage."""
