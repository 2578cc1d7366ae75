"""Tokens for Graph, from what App Service puts beside an app with a managed identity."""

import pytest

from shared.clock import Clock
from shared.entra.tokens import AzureTokens
from tests.support.managed_identity import token_endpoint


async def test_a_token_is_kept_until_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    async with token_endpoint(given) as endpoint:
        monkeypatch.setenv("IDENTITY_ENDPOINT", endpoint)
        monkeypatch.setenv("IDENTITY_HEADER", "identity-header")
        tokens = AzureTokens("https://graph.microsoft.com/v1.0", Clock())

        token = await tokens.token()
        await tokens.discard("one that was replaced meanwhile")
        assert (await tokens.token(), len(given)) == (token, 1)

        await tokens.discard(token)
        await tokens.token()
        await tokens.aclose()

    assert len(given) == 2
