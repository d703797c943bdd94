import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from proxy.relay_world import World, Worlds
from proxy.virtual_time import VirtualLoop


@pytest.fixture
def virtual_loop() -> Iterator[VirtualLoop]:
    """A loop in virtual time, driven by the test."""
    with contextlib.closing(VirtualLoop()) as loop:
        yield loop


@pytest.fixture
def worlds(virtual_loop: VirtualLoop) -> Iterator[Worlds]:
    """Makes relays at work, and looks at what their clients were told when all is over."""
    made: list[World] = []

    def make(**options: Any) -> World:
        made.append(World(virtual_loop, **options))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(worlds: Worlds) -> World:
    """A relay at work on the demo's radio, with five slots."""
    return worlds()
