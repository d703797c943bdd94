"""The management socket's Set Powered, beside what the fake kernel knows."""

import struct
from typing import Any

from fakes.mgmt import FakeKernel

SET_POWERED = 0x0005
INVALID_INDEX, PERMISSION_DENIED, SUCCESS = 0x11, 0x14, 0x00
POWERED_BIT = 1 << 0
LE_BIT = 1 << 9


class PoweredKernel(FakeKernel):
    """`powers` are all switches that were made: the adapter, and whether on. `stuck`: none is, any more."""

    def __init__(self) -> None:
        super().__init__()
        self.powers: list[tuple[int, bool]] = []
        self.stuck = False
        self.told = lambda _index, _on: None
        """Called after each switch."""

    def carry_out(self, opcode: int, index: int, body: bytes, by: Any) -> tuple[int, bytes]:
        """Status and data of the reply."""
        if opcode != SET_POWERED:
            return super().carry_out(opcode, index, body, by)
        if not by.trusted:
            return PERMISSION_DENIED, b""
        controller = self.controllers.get(index)
        if controller is None:
            return INVALID_INDEX, b""
        if not self.stuck:
            controller.powered = bool(body[0])
            self.powers.append((index, controller.powered))
            self.told(index, controller.powered)
        return SUCCESS, struct.pack("<I", LE_BIT | (POWERED_BIT if controller.powered else 0))
