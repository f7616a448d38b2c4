"""Detectors of message rates: storm, drop, silence, drift, stale."""
