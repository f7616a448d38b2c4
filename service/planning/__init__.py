"""Planning: what is declared is held against each other, apart from everybody else's work."""
