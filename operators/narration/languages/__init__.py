"""What belongs to one language, one a file."""
