"""What is claimed about speed, as commands that print it: ``python -m benchmarks.throughput``, ``benchmarks.latency``."""
