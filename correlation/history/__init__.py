"""The recent past of all traffic, and statistics that compare units in it."""
