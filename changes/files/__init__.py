"""Calendars in files: formats, field mappings, recurrence, reading and writing."""
