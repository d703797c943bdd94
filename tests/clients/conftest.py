"""Servers for the tests with real clients."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from clients.serving import Served, serving

Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """`await serve(...)` starts a server, with the arguments of `serving`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**options: Any) -> Served:
            return await stack.enter_async_context(serving(options.pop("state_dir", tmp_path), **options))

        yield start


@pytest.fixture
async def served(serve: Serve) -> Served:
    """A server without a key, as on the first day."""
    return await serve()
