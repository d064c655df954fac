"""What is claimed about speed, as commands that print it: ``python -m benchmarks`` runs all of them (``make bench``)."""
