"""What each reader may see of alerts; the only place that decides it."""
