"""Detection: one vectorised step per anomaly kind over all series of a tick."""
