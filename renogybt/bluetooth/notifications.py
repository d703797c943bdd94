"""What a peripheral notifies, kept apart from what is read."""

import asyncio
from collections.abc import Awaitable, Callable

from renogybt.model.gatt import NotificationListener


class Notifications:
    """Who listens to which characteristic, by the path of its object.

    BlueZ signals a value that was read just as one that was notified, ahead of the answer (BlueZ
    src/gatt-client.c, chrc_read_cb). So during a read of ours its values are held back; the answer tells
    which one of them is due to the read. What another program reads cannot be told apart.
    """

    def __init__(self) -> None:
        self._listeners: dict[str, NotificationListener] = {}
        self._held: dict[str, list[bytes]] = {}
        self._reads: dict[str, asyncio.Lock] = {}

    def listen(self, path: str, listener: NotificationListener) -> bool:
        """Hand everything to `listener` from now on; whether nobody listened before."""
        began = path not in self._listeners
        self._listeners[path] = listener
        return began

    def leave(self, path: str) -> bool:
        """Nobody listens any more; whether somebody did."""
        return self._listeners.pop(path, None) is not None

    def clear(self) -> None:
        """Nobody listens to anything any more."""
        self._listeners.clear()

    def receive(self, path: str, value: bytes) -> None:
        """BlueZ has signalled a value."""
        if (held := self._held.get(path)) is not None:
            held.append(value)
        else:
            self._tell(path, value)

    async def read(self, path: str, read: Callable[[], Awaitable[bytes]], within_s: float) -> bytes:
        """What `read` brings, which nobody is told as a notification.

        One at a time, for BlueZ makes one signal of two reads; raises TimeoutError where that takes too long.
        """
        turn = self._reads.setdefault(path, asyncio.Lock())
        async with asyncio.timeout(within_s):
            await turn.acquire()
        value: bytes | None = None
        self._held[path] = []
        try:
            value = await read()
            return value
        finally:
            self._release(path, value)
            turn.release()

    def _release(self, path: str, value: bytes | None) -> None:
        """Tell what was held back, but for the one that is due to the read of `value`."""
        held = self._held.pop(path)
        if value in held:
            del held[len(held) - 1 - held[::-1].index(value)]
        for each in held:
            self._tell(path, each)

    def _tell(self, path: str, value: bytes) -> None:
        if (listener := self._listeners.get(path)) is not None:
            listener(value)
