"""The tasks of a worker: detection tasks, the correlation task and their assignment."""
