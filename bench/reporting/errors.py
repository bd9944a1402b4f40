"""The error of a measurement."""


class BenchError(Exception):
    """A measurement is not possible; its text says why, and what helps."""
