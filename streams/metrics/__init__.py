"""Metrics: what every process of ours exports to Prometheus, by contract section 5."""
