import contextlib
from collections.abc import Iterator

import pytest
from proxy.virtual_time import VirtualLoop
from readers.fake_hub import FakeHub, battery, controller
from readers.place import BATTERIES, Place

from renogybt.readers.settings import ReaderSettings


@pytest.fixture
def virtual_loop() -> Iterator[VirtualLoop]:
    """A loop in virtual time, driven by the test."""
    with contextlib.closing(VirtualLoop()) as loop:
        yield loop


@pytest.fixture
def places(virtual_loop: VirtualLoop) -> object:
    """Makes places, and ends what runs in them."""
    made: list[Place] = []

    def make(*sections: object, hub: FakeHub | None = None, settings: ReaderSettings | None = None) -> Place:
        units = {unit: battery() for unit in BATTERIES} | {96: controller()}
        made.append(Place(virtual_loop, hub or FakeHub(units), *sections, settings=settings))
        return made[-1]

    yield make
    for place in made:
        place.stop()
