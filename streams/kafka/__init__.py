"""The Kafka runtime: workers that share partitions, lose nothing and raise the same alerts as one process would."""
