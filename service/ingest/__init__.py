"""Intake of events: bodies, the queue in front of the journal, the journal."""
