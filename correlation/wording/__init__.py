"""Sentences for people: alert texts, summaries, next steps."""
