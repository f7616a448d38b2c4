"""Any series: an online verdict on each value of a numeric series of which nothing else is known (`highwater detect`)."""
