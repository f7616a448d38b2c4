"""Benchmarks of detection: `python -m benchmarks.detection` prints what docs/detection.md quotes."""
