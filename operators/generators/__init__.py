"""Candidate generators, one a file (`generator.Generator`), and what they share."""
