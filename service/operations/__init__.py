"""Operation of the monitor: backup, doctor, logging, periodic jobs."""
