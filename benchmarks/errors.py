"""What goes wrong in a benchmark."""


class BenchmarkError(Exception):
    """A measurement that could not be made; the message says why and names the program's log."""
