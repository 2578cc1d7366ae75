"""Access tokens for Graph: from the app's identity in Azure, or a placeholder for a local emulator."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from shared.clock import Clock
from shared.errors import GraphError

RENEW_BEFORE_EXPIRY = 300.0


class EmulatorTokens:
    """A placeholder token: an emulator on loopback must never see a credential."""

    async def token(self) -> str:
        return "emulator"

    async def discard(self, token: str) -> None:
        """Does nothing: the token never changes."""

    async def aclose(self) -> None:
        """Does nothing: no connection is open."""


class AzureTokens:
    """Tokens from azure-identity's default chain: managed identity in Azure, `az login` on a developer's machine.

    A token is cached until five minutes before it expires; only one request for a token runs at a time.
    """

    def __init__(self, graph_base_url: str, clock: Clock) -> None:
        self._clock = clock
        parts = urlsplit(graph_base_url)
        self._scope = f"{parts.scheme}://{parts.netloc}/.default"
        self._credential: Any = None
        self._token = ""
        self._expires_at = 0.0
        self._renewing = asyncio.Lock()

    async def token(self) -> str:
        async with self._renewing:
            if self._clock.now().timestamp() >= self._expires_at - RENEW_BEFORE_EXPIRY:
                from azure.core.exceptions import AzureError

                if self._credential is None:
                    from azure.identity.aio import DefaultAzureCredential

                    self._credential = DefaultAzureCredential()
                try:
                    fresh = await self._credential.get_token(self._scope)
                except AzureError as error:
                    raise GraphError("graph.noToken", error=type(error).__name__) from error
                self._token, self._expires_at = fresh.token, float(fresh.expires_on)
        return self._token

    async def discard(self, token: str) -> None:
        """Drops this token, and the credential with its own cache. Does nothing if the cached token is another."""
        async with self._renewing:
            if token != self._token:
                return
            await self.aclose()
            self._credential, self._token, self._expires_at = None, "", 0.0

    async def aclose(self) -> None:
        if self._credential is not None:
            await self._credential.close()
