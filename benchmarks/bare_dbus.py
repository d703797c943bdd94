"""What dbus-fast alone costs: a handler that only counts the signals that the program handles.

`python -m benchmarks.bare_dbus BUS_ADDRESS`
"""

import asyncio
import json
import sys

from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

from benchmarks.emit_dbus import BLUEZ, DEVICE, HCI, PROPERTIES

RULE = (
    f"type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',member='PropertiesChanged',"
    f"path_namespace='{HCI}',arg0='{DEVICE}'"
)


async def main(address: str) -> None:
    """Answer each line of stdin with the count."""
    count = 0

    def on_message(_message: Message) -> None:
        nonlocal count
        count += 1

    bus = await MessageBus(address, BusType.SYSTEM).connect()
    bus.add_message_handler(on_message)
    daemon = "org.freedesktop.DBus"
    await bus.call(Message(daemon, "/", daemon, "AddMatch", signature="s", body=[RULE]))
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def on_line() -> None:
        if sys.stdin.readline():
            print(json.dumps({"count": count}), flush=True)
        else:
            loop.remove_reader(sys.stdin)
            ended.set_result(None)

    loop.add_reader(sys.stdin, on_line)
    await ended


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
