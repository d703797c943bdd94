"""A Bluetooth gateway for off-grid power: one process, one event loop.

The house is described in docs/architecture.md.
"""

__version__ = "0.1.0"
