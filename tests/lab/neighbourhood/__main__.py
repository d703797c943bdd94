"""`python -m neighbourhood`: keeps the neighbourhood alive until it is killed."""

import argparse
import asyncio
import logging

from neighbourhood.commands import Commands
from neighbourhood.street import Setup, Street


def parse_arguments() -> tuple[Setup, str, bool]:
    """What stands in the street at first, the control socket's path, and whether to log all."""
    parser = argparse.ArgumentParser(prog="neighbourhood")
    parser.add_argument("--adapters", type=int, default=1, help="how many are plugged in")
    parser.add_argument("--noise", nargs=2, default=(0.0, 0), metavar=("RATE", "COUNT"), type=float)
    parser.add_argument("--hub-name", default="BT-TH-FD86824D")
    parser.add_argument("--hub-address", default="6C:B2:FD:86:82:4D")
    parser.add_argument("--socket", default="/run/lab/world.sock")
    parser.add_argument("--verbose", action="store_true", help="log each packet")
    words = parser.parse_args()
    rate, count = words.noise
    setup = Setup(words.adapters, rate, int(count), words.hub_name, words.hub_address)
    return setup, words.socket, words.verbose


async def live(setup: Setup, socket: str) -> None:
    street = Street(setup)
    await street.reset()
    server = await asyncio.start_unix_server(Commands(street).serve, socket)
    await server.serve_forever()


if __name__ == "__main__":
    setup, socket, verbose = parse_arguments()
    logging.basicConfig(level=logging.DEBUG if verbose else logging.WARNING)
    asyncio.run(live(setup, socket))
