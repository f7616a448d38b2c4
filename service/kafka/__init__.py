"""`serve --from-kafka`: page and API on the topics of the workers."""
