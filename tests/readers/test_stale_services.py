"""A device whose services are remembered wrongly, as after an update of it."""

from collections.abc import Iterator

import pytest
from proxy.virtual_time import VirtualLoop
from readers.fake_hub import FakeHub, battery, section
from readers.place import Place

from renogybt.model.reading import DeviceType


class Memory:
    """What the radio remembers of a hub: nothing that helps, until it is told to forget."""

    def __init__(self, hub: FakeHub, *, cured: bool) -> None:
        self.forgotten: list[int] = []
        self._hub, self._true, self._cured = hub, hub.services, cured
        hub.services = ()

    async def forget(self, address: int) -> None:
        self.forgotten.append(address)
        if self._cured:
            self._hub.services = self._true


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    loop.close()


def test_they_are_read_anew_and_that_costs_one_reading(loop: VirtualLoop) -> None:
    hub = FakeHub({48: battery()})
    place, memory = Place(loop, hub, section(DeviceType.BATTERY, 48)), Memory(hub, cured=True)
    place.radio.forget = memory.forget  # type: ignore[method-assign]
    place.run(65.0)
    assert memory.forgotten == [hub.address]
    assert place.notes.times(48)
    place.stop()


def test_a_device_that_really_has_none_is_not_asked_again_and_again(loop: VirtualLoop) -> None:
    hub = FakeHub({48: battery()})
    place, memory = Place(loop, hub, section(DeviceType.BATTERY, 48)), Memory(hub, cured=False)
    place.radio.forget = memory.forget  # type: ignore[method-assign]
    place.run(3600.0)
    assert memory.forgotten == [hub.address]
    place.stop()
