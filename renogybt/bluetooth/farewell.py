"""Endings that are carried out, though whoever wanted them is cancelled meanwhile."""

import asyncio


async def in_any_case(task: asyncio.Task[None], within_s: float) -> None:
    """Wait for it, though we are cancelled meanwhile; that comes out afterwards."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    cancelled: asyncio.CancelledError | None = None
    while not task.done() and (left_s := deadline - loop.time()) > 0:
        try:
            await asyncio.wait([task], timeout=left_s)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
