"""The values that pass between the stages: wire models and columns."""
