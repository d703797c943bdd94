"""Those who want readings, told in the order in which they came."""

from collections.abc import Sequence

from renogybt.model.reading import DeviceHealth, PowerDevice, Reading, ReadingSink


class Sinks:
    """A sink that passes everything on; one that comes later first hears what there is."""

    def __init__(self) -> None:
        self._sinks: list[ReadingSink] = []
        self._devices: tuple[PowerDevice, ...] = ()
        self._healths: dict[str, DeviceHealth] = {}

    def add(self, sink: ReadingSink) -> None:
        """Tell this one, too."""
        self._sinks.append(sink)
        sink.devices(self._devices)
        for health in self._healths.values():
            sink.health(health)

    def devices(self, devices: Sequence[PowerDevice]) -> None:
        """All devices there are."""
        self._devices = tuple(devices)
        for sink in self._sinks:
            sink.devices(self._devices)

    def reading(self, reading: Reading) -> None:
        """A good reading."""
        for sink in self._sinks:
            sink.reading(reading)

    def health(self, health: DeviceHealth) -> None:
        """How it goes with one device."""
        self._healths[health.device] = health
        for sink in self._sinks:
            sink.health(health)
