"""What the kernel alone costs: every packet of a socket is received and forgotten.

`python -m benchmarks.bare_recv DESCRIPTOR`
"""

import json
import select
import socket
import sys


def main(sock: socket.socket) -> None:
    """Answer each line of stdin with the count."""
    sock.setblocking(False)
    receive = sock.recv
    count = 0
    while True:
        ready, _, _ = select.select([sock, sys.stdin], [], [])
        if sys.stdin in ready:
            if not sys.stdin.readline():
                return
            print(json.dumps({"count": count}), flush=True)
        try:
            while receive(2048):
                count += 1
        except BlockingIOError:
            continue


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
