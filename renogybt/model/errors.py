"""The root of the error tree."""


class RenogyBTError(Exception):
    """Every error that this program raises on purpose derives from this class."""
