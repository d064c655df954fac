"""One process of the stream: start, stop, health, the item index."""
