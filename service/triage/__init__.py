"""Actions of people: declare changes, hand over, confirm and refute suspects."""
