"""The app with a managed identity, as in Azure, on loopback; none of its code is replaced.

It gets tokens from IDENTITY_ENDPOINT, as on App Service; here a test server makes them. It uses them with an Azurite
that serves HTTPS and checks their claims. SSL_CERT_FILE makes Python trust Azurite's certificate, so the app runs in a
separate process. The local host reads queues by connection string, the only way it supports.
"""

import base64
import contextlib
import json
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import httpx
from aiohttp import web

from local.azurite import Azurite
from local.host import HostProcess
from tests.support.recording_proxy import Wiretap, tapped
from tests.support.stack import Stack, StackOptions, running_stack

TENANT = "00000000-0000-0000-0000-000000000000"
# The settings that keep DEBUG lines on Azure: one makes the worker send them, one makes the host keep them.
DEBUGGING = {
    "PYTHON_ENABLE_DEBUG_LOGGING": "1",
    "AzureFunctionsJobHost__logging__logLevel__default": "Debug",
}


def unsigned_token(audience: str = "https://storage.azure.com") -> str:
    """A token with the claims that Azurite checks, and no signature."""
    now = int(time.time())
    claims = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{TENANT}/",
        "iat": now - 60,
        "nbf": now - 60,
        "exp": now + 3600,
        "oid": "11111111-1111-1111-1111-111111111111",
        "tid": TENANT,
    }
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


@dataclass
class ByIdentity:
    """`stack` calls the host; `graph` and `hennge` record the app's requests; `tokens` are all tokens it got."""

    stack: Stack
    host: HostProcess
    azurite: Azurite
    graph: Wiretap
    hennge: Wiretap
    tokens: list[str]

    def client(self) -> httpx.AsyncClient:
        """A client for the links of audit logs: it trusts Azurite's certificate."""
        return httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(self.azurite.certificate)))


@contextlib.asynccontextmanager
async def running_by_identity(
    azurite: Azurite,
    log: Path,
    *,
    debugging: bool = False,
    **options: Unpack[StackOptions],
) -> AsyncIterator[ByIdentity]:
    """Runs the whole product with access to an HTTPS Azurite by managed identity; the host logs to `log`."""
    async with contextlib.AsyncExitStack() as ending:
        options["host"] = False
        stack = await ending.enter_async_context(running_stack(azurite.connection_string, **options))
        tokens: list[str] = []
        endpoint = await ending.enter_async_context(token_endpoint(tokens))
        graph = await ending.enter_async_context(tapped(stack.settings["GRAPH_BASE_URL"]))
        hennge = await ending.enter_async_context(tapped(stack.settings["HENNGE_API_URL"]))
        settings = {
            **stack.settings,
            "GRAPH_BASE_URL": graph.url_of(stack.settings["GRAPH_BASE_URL"]),
            "HENNGE_API_URL": hennge.url_of(stack.settings["HENNGE_API_URL"]),
            "HENNGE_TOKEN_URL": hennge.url_of(stack.settings["HENNGE_TOKEN_URL"]),
            # Only the local host reads this name, and before AzureWebJobsStorage.
            "AzureWebJobsAzureWebJobsStorage": azurite.connection_string,
            "AzureWebJobsStorage": "",
            "AzureWebJobsStorage__blobServiceUri": azurite.url("blob"),
            "AzureWebJobsStorage__tableServiceUri": azurite.url("table"),
            "AzureWebJobsStorage__credential": "managedidentity",
            "IDENTITY_ENDPOINT": endpoint,
            "IDENTITY_HEADER": "identity-header",
            "SSL_CERT_FILE": str(azurite.certificate),
            **(DEBUGGING if debugging else {}),
        }
        host = ending.enter_context(HostProcess(settings, drain=0.2, log=log))
        stack.connect(host)
        yield ByIdentity(stack, host, azurite, graph, hennge, tokens)


@contextlib.asynccontextmanager
async def token_endpoint(given: list[str]) -> AsyncIterator[str]:
    """The token endpoint that App Service gives an app with a managed identity."""

    async def give(request: web.Request) -> web.Response:
        if request.headers.get("X-IDENTITY-HEADER") != "identity-header":
            return web.Response(status=401)
        token = unsigned_token(request.query["resource"].rstrip("/"))
        given.append(token)
        body = {"access_token": token, "expires_on": str(int(time.time()) + 3600), "token_type": "Bearer"}
        return web.json_response({**body, "resource": request.query["resource"]})

    app = web.Application()
    app.router.add_get("/msi/token", give)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/msi/token"
    finally:
        await runner.cleanup()
