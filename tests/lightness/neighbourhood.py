"""Who is heard: devices with a strength of their own that say something else each time, as sensors do."""

DEVICES = 60
COMPANY = 0x02E5
"""Any will do; this one is that of ESP32 boards."""
MANUFACTURER_DATA = bytes(range(22)), bytes(range(1, 23))
"""In turn, so that what was known of a device is never the whole of its next advertisement."""
DATA = tuple(
    b"\x02\x01\x06" + b"\x19\xff" + COMPANY.to_bytes(2, "little") + octets for octets in MANUFACTURER_DATA
)
"""29 of the 31 octets that a legacy advertisement has room for: flags, and data of a manufacturer."""
FIRST_ADDRESS = 0xC00000000001
"""A random static one: with all 48 bits it takes the longest varint there is for an address."""

NEIGHBOURS = [(FIRST_ADDRESS + number, -40 - number % 50) for number in range(DEVICES)]
"""Address and RSSI."""
