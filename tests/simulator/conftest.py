import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
from proxy.virtual_time import VirtualLoop
from simulator.world import World


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Virtual time for those who ask: `pytestmark = pytest.mark.asyncio(loop_factories=["virtual"])`."""
    marker = item.get_closest_marker("asyncio")
    if marker is not None and "virtual" in marker.kwargs.get("loop_factories", ()):
        return {"virtual": VirtualLoop}
    return {"real": asyncio.new_event_loop}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """For tests in virtual time."""
    world = World()
    task = asyncio.create_task(world.radio.run())
    await asyncio.sleep(0.1)
    yield world
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
