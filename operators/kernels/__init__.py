"""Compiled building blocks: random numbers by key, hashing, prefetching, bounded rows, the cache of compiled code."""
