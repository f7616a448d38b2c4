"""Records that workers exchange: stage records, progress, checkpoints, the window barrier."""
