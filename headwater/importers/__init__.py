"""Histories in foreign formats as replay files, one format a file: ``convert(path)`` yields the lines."""
