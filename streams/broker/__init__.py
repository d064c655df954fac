"""Everything that is asked of or said to Kafka outside the data path."""
