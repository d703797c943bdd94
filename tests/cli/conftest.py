"""A bluetoothd for the program, on a bus of its own."""

from fakes.fixtures import bluez as bluez
from fakes.fixtures import private_bus as private_bus
