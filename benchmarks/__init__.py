"""Claims about speed, as commands that measure them. ``python -m benchmarks`` (``make bench``) runs all of them."""
