"""Running the monitor: backup, doctor, logging, periodic jobs."""
