"""A private Apache Kafka on loopback, for the demo and the tests."""
