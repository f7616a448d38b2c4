"""Charts: the samples of every series and queue, unchanged for two days and rolled up for a year."""
