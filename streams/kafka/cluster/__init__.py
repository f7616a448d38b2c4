"""The required state of the cluster: topics, ACLs, partitioner, security, settings."""
