"""What the cluster must look like: topics, ACLs, partitioner, security, settings."""
