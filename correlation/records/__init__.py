"""Wire records of alerts and incidents and their revisions."""
