"""Who listens on a port of this machine."""

import os

from renogybt.service.logs import printable


def port_holder(port: int) -> str | None:
    """`PID 1234 (name: command line)` of the process that listens on this TCP port.

    None where it cannot be found, as with processes of another user without root.
    """
    import psutil

    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return None
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN
        if not listens or tuple(connection.laddr)[1:] != (port,) or not connection.pid:
            continue
        try:
            process = psutil.Process(connection.pid)
            command = printable(" ".join(process.cmdline()), 120)
            own = " - this program itself" if connection.pid == os.getpid() else ""
            return f"PID {connection.pid} ({printable(process.name())}: {command}){own}"
        except (psutil.Error, OSError):
            return f"PID {connection.pid}"
    return None
