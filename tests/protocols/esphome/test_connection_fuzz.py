"""A client that does anything in any order, held against a simple account of what may happen."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from protocols.esphome.initiator import KEY, MAC, NAME, Initiator

from renogybt.protocols.esphome.connection import Connection, Encryption, Phase
from renogybt.protocols.esphome.errors import OutOfOrderError, ProtocolError
from renogybt.protocols.esphome.messages import Message, api, type_of
from renogybt.protocols.esphome.plaintext import plaintext_frame

HELLO = api.HelloRequest(client_info="fuzz")
others = st.sampled_from(
    [
        api.PingRequest(),
        api.DeviceInfoRequest(),
        api.SubscribeLogsRequest(level=5),
        api.NoiseEncryptionSetKeyRequest(key=b"x"),
    ]
)


class AnyClient(RuleBasedStateMachine):
    """`self.client` is the Noise initiator, None for a client in clear."""

    client: Initiator | None
    greeted: bool
    ended: bool

    @initialize(encrypted=st.booleans(), ends=st.lists(st.integers(min_value=0, max_value=54), max_size=4))
    def connect(self, encrypted: bool, ends: list[int]) -> None:
        self.server = Connection(Encryption(KEY, plaintext=not encrypted), NAME, MAC)
        self.greeted = self.ended = False
        self.client = None
        if encrypted:
            self.client = Initiator()
            opening = self.client.opening
            for start, end in zip([0, *sorted(ends)], [*sorted(ends), len(opening)], strict=True):
                assert list(self.server.receive(opening[start:end])) == []
            self.client.finish(self.server.take_outgoing())

    def frame(self, message: Message) -> bytes:
        number, payload = type_of(message), message.SerializeToString()
        return self.client.frame(number, payload) if self.client else plaintext_frame(number, payload)

    def receive(self, data: bytes) -> list[Message]:
        """What arrives; whatever is wrong is a ProtocolError and the end."""
        try:
            return list(self.server.receive(data))
        except ProtocolError:
            assert not self.ended
            self.ended = True
            return []

    @rule(message=others, place=st.integers(min_value=0, max_value=40))
    def ask(self, message: Message, place: int) -> None:
        frame = self.frame(message)
        found = self.receive(frame[:place])
        found += self.receive(frame[place:])
        self.ended = self.ended or not self.greeted
        assert found == ([] if self.ended else [message])

    @rule()
    def greet(self) -> None:
        found = self.receive(self.frame(HELLO))
        self.ended = self.ended or self.greeted
        assert found == ([] if self.ended else [HELLO])
        self.greeted = True

    @rule(number=st.sampled_from([2, 8, 163, 60_000]))
    @precondition(lambda self: self.greeted)
    def send_something_unknown(self, number: int) -> None:
        frame = self.client.frame(number, b"\xff") if self.client else plaintext_frame(number, b"\xff")
        assert self.receive(frame) == []

    @rule(first=st.integers(min_value=2, max_value=255), rest=st.binary(max_size=20))
    def send_garbage(self, first: int, rest: bytes) -> None:
        assert self.receive(bytes((first,)) + rest) == []
        self.ended = True

    @rule()
    def send_nothing(self) -> None:
        assert self.receive(b"") == []

    @rule(payload=st.binary(max_size=20))
    def answer(self, payload: bytes) -> None:
        try:
            frame = self.server.frame(8, payload)
        except OutOfOrderError:
            # in clear the choice of framing is made by the first byte
            assert self.ended or self.server.phase is Phase.OPENING
        else:
            assert not self.ended
            if self.client:
                assert self.client.read(frame) == [(8, payload)]

    @invariant()
    def the_end_is_the_end(self) -> None:
        if getattr(self, "ended", False):
            assert self.server.phase is Phase.CLOSED


AnyClient.TestCase.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)
TestAnyClient = AnyClient.TestCase
