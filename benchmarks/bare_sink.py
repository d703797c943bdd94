"""Who takes what is sent on, and does nothing with it.

`python -m benchmarks.bare_sink LISTENING_DESCRIPTOR`
"""

import socket
import sys

if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])).accept()[0] as connection:
        while connection.recv(65_536):
            pass
