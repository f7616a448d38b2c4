"""Charts: what every series and queue did, kept as it came for two days and rolled up for a year."""
