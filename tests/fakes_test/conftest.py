"""The fakes for their own tests."""

from fakes.fixtures import bluez as bluez
from fakes.fixtures import client as client
from fakes.fixtures import private_bus as private_bus
from fakes.fixtures import second_client as second_client
from fakes.fixtures import system_bus as system_bus
