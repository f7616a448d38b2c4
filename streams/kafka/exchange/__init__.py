"""What workers write for each other: stage records, progress, checkpoints, the window barrier."""
