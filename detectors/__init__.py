"""Detection: one vectorised function per anomaly kind over all series of a window."""
