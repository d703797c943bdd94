"""How the lamp pairs, and where its bonds are."""

from bumble import smp
from bumble.device import Connection, Device
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate

KEYS = PairingDelegate.KeyDistribution.DISTRIBUTE_ENCRYPTION_KEY
"""The lamp's address never changes, so that nobody needs a key to resolve it."""


class PairingSession(smp.Session):
    """Bumble's, which insists on the passkey where there is one, and can fail more than once per link."""

    def send_pairing_response_command(self) -> None:
        if self.mitm and self.pairing_method is not smp.PairingMethod.PASSKEY:
            self.send_pairing_failed(smp.ErrorCode.AUTHENTICATION_REQUIREMENTS)
        else:
            super().send_pairing_response_command()

    def on_pairing_failure(self, reason: smp.ErrorCode) -> None:
        super().on_pairing_failure(reason)
        self._leave()

    async def on_pairing(self) -> None:
        await super().on_pairing()
        self._leave()

    def _leave(self) -> None:
        # Bumble would take up this session for the next pairing on the same link, as one that is done
        self.on_disconnection(0)


class Display(PairingDelegate):
    """Shows always the same six digits."""

    def __init__(self, passkey: int) -> None:
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_ONLY, KEYS, KEYS)
        self._passkey = passkey

    async def generate_passkey(self) -> int:
        return self._passkey


class Bonding:
    """Just Works, or with a passkey from the next pairing on; the bonds are in memory only."""

    def __init__(self, device: Device) -> None:
        self.passkey: int | None = None
        self._device = device
        self.forget()
        device.pairing_config_factory = self._config
        device.smp_manager.session_proxy = PairingSession

    @property
    def bonds(self) -> int:
        """How many there are."""
        return len(self._keys.all_keys)

    def forget(self) -> None:
        """No bonds any more; a link that is encrypted stays so."""
        self._keys = self._device.keystore = MemoryKeyStore()

    def _config(self, _connection: Connection) -> PairingConfig:
        if self.passkey is None:
            open_hand = PairingDelegate(PairingDelegate.NO_OUTPUT_NO_INPUT, KEYS, KEYS)
            return PairingConfig(mitm=False, delegate=open_hand)
        return PairingConfig(delegate=Display(self.passkey))
