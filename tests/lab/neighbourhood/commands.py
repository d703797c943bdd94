"""The control socket: one line for each wish, one line as the answer."""

import asyncio
import inspect
import json

from bumble.hci import Address

from neighbourhood.dongle import Dongle
from neighbourhood.peripheral import Presence
from neighbourhood.street import MAX_ADAPTERS, Street
from renogybt.simulator.hub_faults import Fault

ADDRESS_TYPES = {"public": Address.PUBLIC_DEVICE_ADDRESS, "random": Address.RANDOM_DEVICE_ADDRESS}
SWITCH = {"0": False, "1": True}
UNTIL_CURED = NOTHING = "-"


def octets(text: str) -> bytes:
    """Hexadecimal digits, or `-` for no octet at all."""
    return b"" if text == NOTHING else bytes.fromhex(text)


class Commands:
    """Each method named `do_…` is a command; its parameters are the words that follow."""

    def __init__(self, street: Street) -> None:
        self._street = street

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the lines of one client until it hangs up."""
        while line := await reader.readline():
            writer.write(f"{await self.answer(line.decode())}\n".encode())
            await writer.drain()
        writer.close()

    async def answer(self, line: str) -> str:
        """`ok`, what was asked for, or `error: …`."""
        word, *arguments = line.split() or [""]
        command = getattr(self, f"do_{word}", None)
        if command is None:
            known = " ".join(name.removeprefix("do_") for name in dir(self) if name.startswith("do_"))
            return f"error: {word!r} is no command; there are {known}"
        signature = inspect.signature(command)
        try:
            signature.bind(*arguments)
        except TypeError:
            return f"error: usage: {word} {' '.join(signature.parameters).upper()}"
        try:
            return await command(*arguments) or "ok"
        except (ValueError, LookupError, OSError) as error:
            return f"error: {error!r}"

    def _spoil(self, fault: Fault, times: str, argument: float = 0.0, unit: int | None = None) -> None:
        left = None if times == UNTIL_CURED else int(times)
        self._street.hub.line.faults.add(fault, argument, times=left, unit=unit)

    def _dongle(self, number: str) -> Dongle:
        if number not in map(str, range(MAX_ADAPTERS)):
            raise ValueError(f"adapters are 0 to {MAX_ADAPTERS - 1}")
        return self._street.dongles[int(number)]

    async def do_ping(self) -> str:
        return "pong"

    async def do_stats(self) -> str:
        return json.dumps(self._street.stats())

    async def do_reset(self) -> None:
        await self._street.reset()

    async def do_noise(self, rate: str, count: str) -> None:
        self._street.noise.advertise(float(rate), int(count))

    async def do_repeat(self, rate: str, count: str) -> None:
        self._street.repeat.advertise(float(rate), int(count))

    async def do_advertise(self, address: str, public_or_random: str, data: str, response: str = "") -> None:
        sender = Address(address, ADDRESS_TYPES[public_or_random])
        self._street.advertise(sender, octets(data), octets(response) if response else None)

    async def do_silence(self, address: str) -> None:
        self._street.silence(address)

    async def do_rssi(self, dbm: str) -> None:
        # Core Specification vol 4 part E 7.7.65.2; 127 stands for "not known"
        if not -127 <= int(dbm) <= 20 and int(dbm) != 127:
            raise ValueError("an RSSI is -127 to 20 dBm, or 127")
        self._street.air.rssi_dbm = int(dbm)

    async def do_hang(self, adapter: str, on: str) -> None:
        self._dongle(adapter).adapter.hung = SWITCH[on]

    async def do_mute(self, adapter: str, on: str) -> None:
        self._dongle(adapter).adapter.mute = SWITCH[on]

    async def do_unplug(self, adapter: str) -> None:
        await self._dongle(adapter).unplug()

    async def do_plug(self, adapter: str) -> None:
        await self._dongle(adapter).plug()

    async def do_move(self, adapter: str) -> None:
        await self._dongle(adapter).move()

    async def do_hub(self, on_off_busy: str) -> None:
        await self._street.hub.set_presence(Presence(on_off_busy))

    async def do_drop(self) -> None:
        await self._street.hub.drop()

    async def do_lamp(self, on_off_busy: str) -> None:
        await self._street.lamp.set_presence(Presence(on_off_busy))

    async def do_lampdrop(self) -> None:
        await self._street.lamp.drop()

    async def do_lampkey(self, digits: str) -> None:
        self._street.lamp.bonding.passkey = None if digits == NOTHING else int(digits)

    async def do_lampunbond(self) -> None:
        self._street.lamp.bonding.forget()

    async def do_links(self, limit: str) -> None:
        self._dongle("0").adapter.link_limit = None if limit == NOTHING else int(limit)

    async def do_notify(self, data: str) -> None:
        await self._street.hub.notify(octets(data))

    async def do_answer(self, data: str) -> str:
        return self._street.hub.line.truth(octets(data)).hex() or "-"

    async def do_still(self, on: str) -> None:
        self._street.hub.line.stand_still(SWITCH[on])

    async def do_silent(self, unit: str, times: str = UNTIL_CURED) -> None:
        self._spoil(Fault.SILENT, times, unit=int(unit))

    async def do_badcrc(self, times: str) -> None:
        self._spoil(Fault.BAD_CRC, times)

    async def do_split(self, size: str, times: str = UNTIL_CURED) -> None:
        self._spoil(Fault.SPLIT, times, float(size))

    async def do_late(self, seconds: str, times: str = "1") -> None:
        self._spoil(Fault.LATE, times, float(seconds))

    async def do_exception(self, code: str, times: str = "1") -> None:
        self._spoil(Fault.EXCEPTION, times, float(code))

    async def do_foreign(self, times: str = "1") -> None:
        self._spoil(Fault.FOREIGN, times)

    async def do_garbage(self, times: str = "1") -> None:
        self._spoil(Fault.GARBAGE, times)

    async def do_duplicate(self, times: str = "1") -> None:
        self._spoil(Fault.DUPLICATE, times)

    async def do_breaks(self, times: str = "1") -> None:
        self._spoil(Fault.DROP, times)

    async def do_cure(self) -> None:
        self._street.hub.line.faults.cure()
