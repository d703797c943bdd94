"""Modbus as the documents describe it, written from nothing of the code under test."""

import struct


def crc(octets: bytes) -> int:
    """CRC-16/MODBUS, one bit after the other."""
    remainder = 0xFFFF
    for octet in octets:
        remainder ^= octet
        for _ in range(8):
            remainder = remainder >> 1 ^ (0xA001 if remainder & 1 else 0)
    return remainder


def frame(body: bytes) -> bytes:
    return body + struct.pack("<H", crc(body))


def read(unit: int, register: int, words: int) -> bytes:
    return frame(struct.pack(">BBHH", unit, 0x03, register, words))


def write(unit: int, register: int, value: int) -> bytes:
    return frame(struct.pack(">BBHH", unit, 0x06, register, value))


def words(answer: bytes) -> list[int]:
    """The registers in an answer to `read`, whose form is asserted."""
    assert crc(answer) == 0
    assert answer[1] == 0x03
    assert len(answer) == 5 + answer[2]
    return list(struct.unpack(f">{answer[2] // 2}H", answer[3:-2]))


def signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word
