"""The token endpoint's rules (RFC 6749, client credentials) and the tokens it issued."""

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus


class TokenRefusedError(Exception):
    """The request was refused; `error` is a code of RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.status = 401 if error == "invalid_client" else 400


class Tokens:
    """Tokens are valid for `lifetime` seconds."""

    def __init__(self, clients: Mapping[str, str], lifetime: float) -> None:
        self._clients = dict(clients)
        self.lifetime = lifetime
        self._ends: dict[str, float] = {}
        self._used: dict[str, int] = {}

    def issue(self, headers: Mapping[str, str], body: bytes) -> str:
        self._authenticate(headers.get("Authorization", ""))
        content_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if content_type != "application/x-www-form-urlencoded":
            raise TokenRefusedError("invalid_request", "the body must be application/x-www-form-urlencoded")
        grant = dict(parse_qsl(body.decode("utf-8", errors="replace"))).get("grant_type")
        if grant is None:
            raise TokenRefusedError("invalid_request", "grant_type is missing")
        if grant != "client_credentials":
            raise TokenRefusedError("unsupported_grant_type", f"{grant} is not supported")
        token = secrets.token_urlsafe(32)
        self._ends[token] = time.monotonic() + self.lifetime
        return token

    def accepts(self, authorization: str, calls: int | None) -> bool:
        """Whether this header holds a valid token; counts the call.

        `calls` limits how often a token may be used, for tests; None means no limit.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or token not in self._ends:
            return False
        used = self._used.get(token, 0)
        if time.monotonic() >= self._ends[token] or (calls is not None and used >= calls):
            self.expire(authorization)
            return False
        self._used[token] = used + 1
        return True

    def expire(self, authorization: str) -> None:
        self._ends.pop(authorization.partition(" ")[2], None)

    def expire_all(self) -> None:
        self._ends.clear()

    def _authenticate(self, authorization: str) -> None:
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            raise TokenRefusedError("invalid_client", "HTTP Basic authentication is required")
        try:
            pair = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise TokenRefusedError("invalid_client", "the credentials are not Base64") from None
        client, _, secret = (unquote_plus(part) for part in pair.partition(":"))
        known = self._clients.get(client)
        if known is None or not hmac.compare_digest(known.encode(), secret.encode()):
            raise TokenRefusedError("invalid_client", "unknown client or wrong secret")
