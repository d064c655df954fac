"""The running language model: backends, its process, the cache, and who is admitted to it."""
