"""A reset that a person asks for: by the program that runs, or alone where none does."""

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from renogybt.bluetooth.budget import FILE, Budget, Limits
from renogybt.bluetooth.hardware_reset import reset_adapter_hardware
from renogybt.bluetooth.reset import Machine, NoAdapterError, reset_adapter
from renogybt.bluetooth.spending import give_back
from renogybt.model.advertisement import parse_address
from renogybt.model.recovery import ResetFailedError, ResetRefusedError
from renogybt.service.control_wire import (
    EX_FAILED,
    EX_TEMPORARY,
    ControlError,
    NobodyThereError,
    NotAllowedError,
    Reply,
)
from renogybt.service.logs import printable
from renogybt.service.radio_control import EX_OK, EX_UNAVAILABLE, ask_for_reset, in_words

_LOGGER = logging.getLogger(__name__)

_LONGEST_TEXT = 400


@dataclass(frozen=True, slots=True)
class ResetRequest:
    """`adapter`: hciN, an address, or None for that of the running program, else the `usual` one, else any.

    `doors`: where a running program might listen, in this order. `force`: also where the budget is used up.
    `hardware`: its port or its driver, which no running program does for us. `limits`: as configured.
    """

    adapter: str | None
    state_dir: Path
    doors: Sequence[Path] = ()
    usual: str | None = None
    force: bool = False
    hardware: bool = False
    limits: Limits | None = None


async def request_reset(request: ResetRequest, machine: Machine | None = None) -> Reply:
    """What came of it, for people, with the exit code."""
    if not request.hardware and (reply := await _by_running_program(request)) is not None:
        return reply
    return await _alone(request, machine or Machine())


async def _by_running_program(request: ResetRequest) -> Reply | None:
    """None where none runs, or none that has this adapter."""
    for door in request.doors:
        try:
            reply = await ask_for_reset(door, request.adapter, force=request.force)
        except NobodyThereError:
            continue
        except NotAllowedError as error:
            return Reply(False, f"{error}, who runs the service. Run: sudo renogybt reset-adapter", EX_FAILED)
        except ControlError as error:
            return Reply(False, f"{error}. Restart the service, or stop it and try again", EX_FAILED)
        if reply.code != EX_UNAVAILABLE:
            return Reply(reply.ok, printable(reply.text, _LONGEST_TEXT), reply.code)
        _LOGGER.info("%s; resetting without it", printable(reply.text, _LONGEST_TEXT))
    return None


async def _alone(request: ResetRequest, machine: Machine) -> Reply:
    choice = request.adapter or request.usual
    adapter = parse_address(choice) if choice is not None and ":" in choice else choice
    path = request.state_dir / FILE
    reset = reset_adapter_hardware if request.hardware else reset_adapter
    try:
        budget = Budget(path, request.limits)
        event, label = await reset(adapter, budget, force=request.force, machine=machine)
    except NoAdapterError as error:
        return Reply(False, str(error), EX_UNAVAILABLE)
    except ResetRefusedError as error:
        return Reply(False, str(error), EX_TEMPORARY)
    except ResetFailedError as error:
        return Reply(False, str(error), EX_FAILED)
    finally:
        with contextlib.suppress(OSError):
            give_back(path)
    return Reply(True, in_words(event, label), EX_OK)
