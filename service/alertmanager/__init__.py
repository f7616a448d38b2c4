"""Alertmanager in both directions: alerts pushed, silences exchanged."""
