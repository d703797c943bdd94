"""The table of `scan` while it grows, or at the end where nobody looks."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from renogybt.terminal.air import Air
from renogybt.terminal.scan_table import scan_table

_REFRESH_S = 0.5
WIDTH_OF_NO_TERMINAL = 160
"""Whatever takes the output can break lines itself."""


@contextmanager
def live_table(air: Air) -> Iterator[None]:
    """Show on stdout what `air` hears during the body; without a terminal once, after its success."""
    console = Console()
    if not console.is_terminal:
        yield
        console.width = max(console.width, WIDTH_OF_NO_TERMINAL)
        console.print(scan_table(air, time.monotonic(), console))
        return
    # drawn by a thread of rich's, so that the radio is never kept waiting
    with Live(
        console=console,
        refresh_per_second=1 / _REFRESH_S,
        get_renderable=lambda: scan_table(air, time.monotonic(), console),
    ):
        yield
