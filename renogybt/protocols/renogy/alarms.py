"""What is wrong with a device, by name, from the bits of its status registers."""

from collections.abc import Callable, Iterator

from renogybt.protocols.renogy.registers import AlarmWord, RegisterMap

ReadWords = Callable[[int, int], int | None]
"""The number in so many words from a register on, None when they were not read."""

_CODES = {1: "low", 2: "high", 3: "abnormal"}
"""BMS V1.7: what two bits of an alarm say."""


def problems(register_map: RegisterMap, read: ReadWords) -> tuple[str, ...] | None:
    """The names of all problems, None where the registers do not tell whether there is one.

    A register that counts only beside others adds its names when another one shows a problem too.
    """
    if not register_map.judged_by or any(read(register, 1) is None for register in register_map.judged_by):
        return None
    shown = [(word, read(word.register, word.words)) for word in register_map.alarms]
    raised = [(word, number) for word, number in shown if number]
    backed = any(
        True
        for word, number in raised
        if word.register in register_map.judged_by
        for _ in _names(word, number)
    )
    return tuple(
        name
        for word, number in raised
        if backed or word.alone is None or word.alone(number)
        for name in _names(word, number)
    )


def _names(word: AlarmWord, number: int) -> Iterator[str]:
    for bit, name in word.bits.items():
        if number >> bit & 1:
            yield name
    for bit, name in word.codes.items():
        if code := number >> bit & 3:
            yield name.format(_CODES[code])
