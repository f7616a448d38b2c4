"""What travels between the stages: wire models and columns."""
