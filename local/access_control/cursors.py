"""Cursors: opaque to the client and signed, so that the emulator accepts only its own."""

import base64
import hashlib
import hmac
import secrets


class Cursors:
    """A cursor holds the last page's last serial number and the number of the next page, signed."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)

    def give(self, serial: int, page: int) -> str:
        place = f"{serial}.{page}".encode()
        return base64.urlsafe_b64encode(self._signature(place) + place).decode()

    def read(self, cursor: str | None) -> tuple[int, int] | None:
        """Serial number and page. Without a cursor these are the beginning; a foreign cursor gives None."""
        if cursor is None:
            return 0, 1
        try:
            raw = base64.urlsafe_b64decode(cursor.encode())
        except ValueError:
            return None
        signature, place = raw[:16], raw[16:]
        if not hmac.compare_digest(signature, self._signature(place)):
            return None
        serial, _, page = place.decode().partition(".")
        return int(serial), int(page)

    def _signature(self, place: bytes) -> bytes:
        return hmac.digest(self._key, place, hashlib.sha256)[:16]
