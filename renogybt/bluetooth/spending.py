"""What a reset costs that a person asks for: it counts as any other, in the file that all processes share."""

import os
import stat
from pathlib import Path

from renogybt.bluetooth.budget import Budget
from renogybt.model.recovery import ResetRefusedError
from renogybt.service.reset_limit import refusal


def spend(budget: Budget, *, hardware: bool = False, force: bool = False) -> None:
    """Pay for one reset before it is done; raises ResetRefusedError where none is left, if not `force`."""
    budget.refresh()
    window = budget.hardware_resets if hardware else budget.resets
    wait_s = window.free_at(budget.now) - budget.now
    if wait_s > 0 and not force:
        raise ResetRefusedError(f"{refusal(len(window.spent), wait_s)}. --force does it all the same")
    window.spend(budget.now)
    budget.save()


def give_back(path: Path) -> None:
    """Let the owner of the folder have a file of it that root has written; raises OSError.

    Else a service that is not root could not read its own budget any more.
    """
    if os.geteuid() != 0:
        return
    try:
        folder = path.parent.stat()
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    try:
        status = os.fstat(descriptor)
        # the folder is another user's, who might have put something else there meanwhile
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    finally:
        os.close(descriptor)
