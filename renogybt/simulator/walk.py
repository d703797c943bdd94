"""A value that wanders, and never far."""

from random import Random


class Walk:
    """A random walk that reflects at `mean` plus and minus `spread`."""

    def __init__(self, rng: Random, mean: float, spread: float, step: float) -> None:
        self._rng = rng
        self._low = mean - spread
        self._high = mean + spread
        self._step = step
        self.value = rng.uniform(self._low, self._high)

    def advance(self) -> float:
        """Take one step of at most `step` and answer the new value."""
        value = self.value + self._rng.uniform(-self._step, self._step)
        if value > self._high:
            value = 2 * self._high - value
        elif value < self._low:
            value = 2 * self._low - value
        self.value = min(self._high, max(self._low, value))
        return self.value
