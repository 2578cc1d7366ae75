"""Opaque tokens of links: nobody but the emulator can make one, and a changed one is known."""

import base64
import hmac

from shared.clock import Chance

_NONCE, _SIGNATURE = 4, 8


class Seal:
    """Tokens of one key. No two are equal, even if they say the same."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._key = chance.randbytes(16)

    def token(self, says: bytes) -> str:
        signed = says + self._chance.randbytes(_NONCE)
        return base64.urlsafe_b64encode(signed + self._signature(signed)).decode().rstrip("=")

    def said(self, token: str) -> bytes | None:
        """What the token says; None if it is not one of this seal's."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        signed, signature = raw[:-_SIGNATURE], raw[-_SIGNATURE:]
        # Also compared as text: base64 ignores the last bits of a token.
        same_text = base64.urlsafe_b64encode(raw).decode().rstrip("=") == token
        genuine = hmac.compare_digest(signature, self._signature(signed))
        return signed[:-_NONCE] if genuine and same_text else None

    def _signature(self, signed: bytes) -> bytes:
        return hmac.digest(self._key, signed, "sha256")[:_SIGNATURE]
