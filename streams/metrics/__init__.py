"""Metrics: what every process of ours tells Prometheus, by contract section 5."""
