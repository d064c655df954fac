"""From candidates to a list: fusion, diversity, reasons, cold start."""
