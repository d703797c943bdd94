"""The program, by the name that users of the earlier one know: `python unified_proxy.py [CONFIG]`."""

import sys

from renogybt.cli import unified_proxy

if __name__ == "__main__":
    sys.exit(unified_proxy(sys.argv[1:]))
