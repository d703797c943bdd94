"""The errors that bluetoothd answers with (bluez src/error.c, gdbus/object.c, libdbus)."""

BLUEZ = "org.bluez.Error"
DBUS = "org.freedesktop.DBus.Error"


class CallError(Exception):
    """A method call that is answered with an error."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


def in_progress() -> CallError:
    """btd_error_busy"""
    return CallError(f"{BLUEZ}.InProgress", "Operation already in progress")


def not_ready() -> CallError:
    """btd_error_not_ready: the adapter is not powered."""
    return CallError(f"{BLUEZ}.NotReady", "Resource Not Ready")


def failed(text: str) -> CallError:
    """btd_error_failed"""
    return CallError(f"{BLUEZ}.Failed", text)


def invalid_arguments() -> CallError:
    """btd_error_invalid_args"""
    return CallError(f"{BLUEZ}.InvalidArguments", "Invalid arguments in method call")


def does_not_exist() -> CallError:
    """btd_error_does_not_exist"""
    return CallError(f"{BLUEZ}.DoesNotExist", "Does Not Exist")


def already_exists() -> CallError:
    """btd_error_already_exists"""
    return CallError(f"{BLUEZ}.AlreadyExists", "Already Exists")


def authentication(kind: str) -> CallError:
    """new_authentication_return: `Canceled`, `Failed`, `Rejected` or `Timeout`."""
    return CallError(f"{BLUEZ}.Authentication{kind}", f"Authentication {kind}")


def not_connected() -> CallError:
    """btd_error_not_connected"""
    return CallError(f"{BLUEZ}.NotConnected", "Not Connected")


def not_permitted(text: str) -> CallError:
    """btd_error_not_permitted, as for ATT error 0x02 or 0x03"""
    return CallError(f"{BLUEZ}.NotPermitted", text)


def not_supported() -> CallError:
    """btd_error_not_supported"""
    return CallError(f"{BLUEZ}.NotSupported", "Operation is not supported")


def att_error(code: int) -> CallError:
    """create_gatt_dbus_error of src/gatt-client.c: what a peripheral has refused"""
    texts = {2: "Read not permitted", 3: "Write not permitted", **dict.fromkeys((5, 12, 15), "Not paired")}
    lengths = {7: "Invalid offset", 13: "Invalid Length"}
    if code in texts:
        return not_permitted(texts[code])
    if code in lengths:
        return CallError(f"{BLUEZ}.InvalidArguments", lengths[code])
    if code == 8:
        return CallError(f"{BLUEZ}.NotAuthorized", "Operation Not Authorized")
    return not_supported() if code == 6 else failed(f"Operation failed with ATT error: 0x{code:02x}")


def no_such_method(kind: str, member: str, signature: str, interface: str) -> CallError:
    """libdbus for a path (`UnknownObject`) or method (`UnknownMethod`) that nobody has."""
    text = f'Method "{member}" with signature "{signature}" on interface "{interface}" doesn\'t exist\n'
    return CallError(f"{DBUS}.{kind}", text)


def no_such_interface(interface: str) -> CallError:
    """gdbus, Properties"""
    return CallError(f"{DBUS}.InvalidArgs", f"No such interface '{interface}'")


def no_such_property(name: str) -> CallError:
    """gdbus, Properties"""
    return CallError(f"{DBUS}.InvalidArgs", f"No such property '{name}'")


def not_writable(name: str) -> CallError:
    """gdbus, Properties.Set"""
    return CallError(f"{DBUS}.PropertyReadOnly", f"Property '{name}' is not writable")


def invalid_signature(name: str) -> CallError:
    """gdbus, Properties.Set"""
    return CallError(f"{DBUS}.InvalidSignature", f"Invalid signature for '{name}'")
