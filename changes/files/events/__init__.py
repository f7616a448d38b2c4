"""Events: what stands in an iCalendar stream, on which clock, and when it repeats."""
