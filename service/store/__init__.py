"""The monitor's one data file: SQLite, one writer thread, any number of readers."""
