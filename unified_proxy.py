"""The program, by the name that users of the earlier one know: `python unified_proxy.py [CONFIG]`."""

import signal
import sys

if __name__ == "__main__":
    # being told to stop is no error, also before the event loop is there to hear it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))

from renogybt.cli import main

if __name__ == "__main__":
    sys.exit(main())
