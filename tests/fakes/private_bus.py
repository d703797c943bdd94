"""A dbus-daemon of our own, with the limits of the system bus."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Self

# the limits are those of the system bus of dbus-daemon 1.14
CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
  <limit name="max_match_rules_per_connection">512</limit>
  <limit name="max_replies_per_connection">128</limit>
</busconfig>
"""
START_TIMEOUT_S = 10.0
# passes of the event loop in which clients of this process read the end of the stream
PASSES_AFTER_DEATH = 5


class PrivateBus:
    """A bus at an address that stays the same over `kill` and `restart`."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="bus-"))
        self._socket = self._folder / "socket"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """What a client connects to."""
        return f"unix:path={self._socket}"

    @property
    def running(self) -> bool:
        """Whether a daemon listens at the address."""
        return self._process is not None

    async def start(self) -> None:
        """Return when the daemon accepts clients."""
        if self._process is not None:
            raise RuntimeError("the bus is running already")
        configuration = self._folder / "bus.conf"
        configuration.write_text(CONFIGURATION.format(address=self.address))
        self._socket.unlink(missing_ok=True)
        process = await asyncio.create_subprocess_exec(
            "dbus-daemon",
            f"--config-file={configuration}",
            "--nofork",
            "--nopidfile",
            "--print-address=1",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        self._process = process
        if process.stdout is None:
            raise RuntimeError("dbus-daemon has no output")
        async with asyncio.timeout(START_TIMEOUT_S):
            ready = await process.stdout.readline()
        if not ready:
            await self.kill()
            raise RuntimeError("dbus-daemon did not start")

    async def kill(self) -> None:
        """End the daemon at once, as a crash does, and let clients of this process notice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.communicate()
        for _ in range(PASSES_AFTER_DEATH):
            await asyncio.sleep(0)

    async def restart(self) -> None:
        """End the daemon and start a new one at the same address."""
        await self.kill()
        await self.start()

    async def close(self) -> None:
        """End the daemon and remove its files."""
        await self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
