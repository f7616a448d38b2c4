"""What people do: declare changes, hand over, confirm and refute suspects."""
