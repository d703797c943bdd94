"""What a peer can do wrong on the wire, each with what to answer before closing."""

from renogybt.model.errors import RenogyBTError


class ProtocolError(RenogyBTError):
    """The peer broke the protocol; the connection is at its end.

    `reply` holds bytes to send before closing, empty where silence is right.
    """

    def __init__(self, message: str, reply: bytes = b"") -> None:
        super().__init__(message)
        self.reply = reply


class FrameError(ProtocolError, ValueError):
    """Bytes that are no frame: wrong first byte, a varint without end, a frame over the limit."""


class HandshakeError(ProtocolError):
    """The Noise handshake did not come about, for another reason than the key."""


class WrongKeyError(HandshakeError):
    """The peer holds another key."""


class TamperedFrameError(ProtocolError):
    """An encrypted frame whose tag does not fit: altered, replayed, or out of order."""


class PlaintextRefusedError(ProtocolError):
    """The peer talks in clear, and this server demands encryption."""


class EncryptionRefusedError(ProtocolError):
    """The peer wants encryption, and this server is told to do without."""


class MalformedMessageError(ProtocolError, ValueError):
    """A frame whose payload is not the message that its type announces."""


class OutOfOrderError(ProtocolError):
    """A message that is not allowed in the present state of the session."""
