"""Events: the contents of an iCalendar stream, the clock of their times, and their repetitions."""
