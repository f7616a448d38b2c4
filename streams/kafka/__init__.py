"""The Kafka runtime: workers that share partitions, lose nothing and come to the same alerts as one process would."""
