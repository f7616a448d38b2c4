"""Backlogs of queues: growth, stalled drain, age, time to capacity."""
