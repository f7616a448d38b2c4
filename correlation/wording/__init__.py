"""Sentences that people read: alert texts, summaries, next steps."""
