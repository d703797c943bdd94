"""A tree of sysfs with Bluetooth adapters, laid out as Linux does it."""

from pathlib import Path


class FakeSysfs:
    """`root` is what /sys would be. Adapters stand in class/bluetooth, each with a link to its device."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "class/bluetooth").mkdir(parents=True)

    def usb(self, name: str = "hci0", interface: str = "1-1.2:1.0", number: int = 4) -> Path:
        """A dongle; its device."""
        device = self._device(interface, "usb")
        port = self.root / "bus/usb/devices" / interface.partition(":")[0]
        port.mkdir(parents=True)
        for file, text in (("idProduct", "0001"), ("idVendor", "0a12"), ("devnum", str(number))):
            (port / file).write_text(text + "\n")
        return self.attach(name, device)

    def serial(self, name: str = "hci0", driver: str = "hci_uart_bcm") -> Path:
        """The controller of a Raspberry Pi, which its driver finds at a serial line; its device."""
        device = self._device("serial0-0", "serial")
        folder = self.root / "bus/serial/drivers" / driver
        folder.mkdir(parents=True)
        for attribute in ("bind", "unbind"):
            (folder / attribute).write_text("")
        (device / "driver").symlink_to(folder)
        return self.attach(name, device)

    def line(self, name: str = "hci0", terminal: str = "ttyAMA0") -> Path:
        """A controller that hciattach has attached; its device."""
        return self.attach(name, self._device(terminal, "tty"))

    def other(self, name: str, subsystem: str) -> Path:
        """Any other kind; its device."""
        return self.attach(name, self._device(f"{subsystem}-7", subsystem))

    def virtual(self, name: str) -> None:
        """A controller of a program."""
        (self.root / "class/bluetooth" / name).mkdir()

    def attach(self, name: str, device: Path) -> Path:
        """The device has an adapter of this name now."""
        adapter = self.root / "class/bluetooth" / name
        adapter.mkdir()
        (adapter / "device").symlink_to(device)
        return device

    def detach(self, name: str) -> None:
        """The adapter is gone; its device stays."""
        adapter = self.root / "class/bluetooth" / name
        (adapter / "device").unlink(missing_ok=True)
        adapter.rmdir()

    def told(self, attribute: str, driver: str = "hci_uart_bcm") -> str:
        """What was written to `bind` or `unbind`."""
        return (self.root / "bus/serial/drivers" / driver / attribute).read_text()

    def _device(self, name: str, subsystem: str) -> Path:
        device = self.root / "devices" / name
        device.mkdir(parents=True)
        bus = self.root / "bus" / subsystem
        bus.mkdir(parents=True, exist_ok=True)
        (device / "subsystem").symlink_to(bus)
        return device
