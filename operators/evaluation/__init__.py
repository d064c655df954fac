"""Prequential evaluation: test on every event, then learn from it."""
