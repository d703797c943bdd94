"""What forwarding each packet at once costs at the least: an event loop that receives one, and sends it on.

`python -m benchmarks.bare_forward DESCRIPTOR PORT`
"""

import asyncio
import json
import socket
import sys

_SIZE = 48
"""Of a frame with one advertisement."""


async def main(source: socket.socket, port: int) -> None:
    """Answer each line of stdin with the count."""
    source.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
    transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    count = 0

    def on_packet() -> None:
        nonlocal count
        count += 1
        transport.write(source.recv(2048)[:_SIZE])

    loop.add_reader(source, on_packet)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        print(json.dumps({"count": count}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])))
