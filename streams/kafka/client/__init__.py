"""Our side of the Kafka clients: transport, producer, assignor, output records."""
