"""Data sets, and histories in foreign formats, as replay files."""
