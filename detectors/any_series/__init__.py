"""Any series: an online verdict on each value of a numeric series without any other information (`highwater detect`)."""
