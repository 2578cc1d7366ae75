"""Access tokens for Graph: the app's identity in Azure, a placeholder for an emulator on this machine."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from shared.clock import Clock
from shared.errors import GraphError

RENEW_BEFORE_EXPIRY = 300.0


class EmulatorTokens:
    """An emulator on loopback must never see a credential."""

    async def token(self) -> str:
        return "emulator"

    async def discard(self, token: str) -> None:
        """There is no other."""

    async def aclose(self) -> None:
        """Nothing is kept open."""


class AzureTokens:
    """Tokens of azure-identity's default chain (managed identity in Azure, `az login` on a desk), kept until
    five minutes before they end; one request at a time."""

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
        """Forgets this token, and the credential: it has a cache of its own. Another token is kept."""
        async with self._renewing:
            if token != self._token:
                return
            await self.aclose()
            self._credential, self._token, self._expires_at = None, "", 0.0

    async def aclose(self) -> None:
        if self._credential is not None:
            await self._credential.close()
