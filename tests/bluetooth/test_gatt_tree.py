from dbus_fast import Variant

from renogybt.bluetooth.gatt_tree import CHARACTERISTIC, DESCRIPTOR, SERVICE, Place, read_tree
from renogybt.model.gatt import BASE_UUID, Descriptor, Property

DEVICE = "/org/bluez/hci0/dev_6C_B2_FD_86_82_4D"
FFF0, FFF1 = BASE_UUID.format(0xFFF0), BASE_UUID.format(0xFFF1)


def service(uuid: str, *, primary: bool = True) -> dict[str, dict[str, Variant]]:
    return {SERVICE: {"UUID": Variant("s", uuid), "Primary": Variant("b", primary)}}


def characteristic(uuid: str, *flags: str) -> dict[str, dict[str, Variant]]:
    return {CHARACTERISTIC: {"UUID": Variant("s", uuid), "Flags": Variant("as", list(flags))}}


def test_the_value_follows_the_declaration_that_the_path_names() -> None:
    tree = read_tree(
        DEVICE,
        {
            f"{DEVICE}/service000a": service(FFF0),
            f"{DEVICE}/service000a/char00ff": characteristic(FFF1, "notify"),
        },
    )
    (found,) = tree.services
    assert (found.uuid, found.handle) == (FFF0, 0x0A)
    assert (found.characteristics[0].uuid, found.characteristics[0].handle) == (FFF1, 0x100)
    assert tree.places == {0x100: Place(f"{DEVICE}/service000a/char00ff", CHARACTERISTIC)}


def test_order_is_that_of_the_handles() -> None:
    tree = read_tree(
        DEVICE,
        {
            f"{DEVICE}/service0020/char0023": characteristic(FFF1),
            f"{DEVICE}/service0020": service(FFF0),
            f"{DEVICE}/service0010": service(FFF0),
            f"{DEVICE}/service0020/char0021": characteristic(FFF1),
        },
    )
    assert [each.handle for each in tree.services] == [0x10, 0x20]
    assert [each.handle for each in tree.services[1].characteristics] == [0x22, 0x24]


def descriptor(uuid: str) -> dict[str, dict[str, Variant]]:
    return {DESCRIPTOR: {"UUID": Variant("s", uuid)}}


def test_descriptors_belong_to_their_characteristic_and_are_in_order() -> None:
    format_uuid, cccd = BASE_UUID.format(0x2904), BASE_UUID.format(0x2902)
    tree = read_tree(
        DEVICE,
        {
            f"{DEVICE}/service000a/char000b/desc000e": descriptor(format_uuid.upper()),
            f"{DEVICE}/service000a/char000b/desc000d": descriptor(cccd),
            f"{DEVICE}/service000a": service(FFF0),
            f"{DEVICE}/service000a/char000b": characteristic(FFF1, "notify"),
            f"{DEVICE}/service000a/char0010": characteristic(FFF1, "read"),
        },
    )
    first, second = tree.services[0].characteristics
    assert first.descriptors == (Descriptor(cccd, 0x0D), Descriptor(format_uuid, 0x0E))
    assert second.descriptors == ()
    assert tree.places[0x0D] == Place(f"{DEVICE}/service000a/char000b/desc000d", DESCRIPTOR)
    assert sorted(tree.places) == [0x0C, 0x0D, 0x0E, 0x11]


def test_uuids_may_come_twice_and_are_told_in_small_letters() -> None:
    tree = read_tree(
        DEVICE,
        {
            f"{DEVICE}/service0010": service(FFF0.upper()),
            f"{DEVICE}/service0020": service(FFF0),
            f"{DEVICE}/service0010/char0011": characteristic(FFF1.upper(), "write"),
            f"{DEVICE}/service0020/char0021": characteristic(FFF1, "notify"),
        },
    )
    assert [(each.uuid, each.characteristics[0].uuid) for each in tree.services] == [(FFF0, FFF1)] * 2


def test_words_that_are_no_property_of_att_are_passed_over() -> None:
    tree = read_tree(
        DEVICE,
        {
            f"{DEVICE}/service0010": service(FFF0),
            f"{DEVICE}/service0010/char0011": characteristic(FFF1, "read", "encrypt-read", "later-word"),
        },
    )
    assert tree.services[0].characteristics[0].properties == Property.READ


def test_what_is_not_of_this_device_or_no_service_is_left_out() -> None:
    tree = read_tree(
        DEVICE,
        {
            "/org/bluez/hci0": {"org.bluez.Adapter1": {}},
            DEVICE: {"org.bluez.Device1": {}},
            f"{DEVICE[:-1]}E/service0010": service(FFF0),
            f"{DEVICE}/service0010": service(FFF0, primary=False),
            f"{DEVICE}/serviceXYZ0": service(FFF0),
            f"{DEVICE}/service0020": {"org.freedesktop.DBus.Properties": {}},
            f"{DEVICE}/service0010/char0011/desc0013": {"org.bluez.GattDescriptor1": {}},
        },
    )
    assert tree.services == ()
    assert tree.places == {}
    assert tree.mtu == 23
