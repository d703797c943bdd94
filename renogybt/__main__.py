"""`python -m renogybt`."""

import sys

from renogybt.cli import main

sys.exit(main())
