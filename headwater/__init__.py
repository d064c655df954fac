"""The program for people: command line, demo, private Kafka, data sets."""
