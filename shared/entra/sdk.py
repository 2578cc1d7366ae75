"""Sends requests to Microsoft Graph through msgraph-sdk's adapter, each exactly once.

The SDK's authentication and transport are used. Its retries are off: they ignore a `Retry-After` above 180 s and the
other requests of this process, and they would repeat a POST, which is not idempotent.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from shared.clock import Clock
from shared.errors import GraphError

if TYPE_CHECKING:
    import httpx
    from kiota_abstractions.authentication import AuthenticationProvider
    from msgraph.graph_request_adapter import GraphRequestAdapter

WHOLE_ANSWER_SECONDS = 200.0


class TokenSource(Protocol):
    async def token(self) -> str: ...

    async def discard(self, token: str) -> None:
        """Drops a refused token from the cache, so that the next one is newly requested."""
        ...


class Wire(Protocol):
    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> "httpx.Response":
        """The answer of any status, with its body as bytes. Raises GraphError if none came or it was refused."""
        ...

    async def aclose(self) -> None: ...


class Transport:
    """Connects on first use, since the SDK takes long to import; `aclose` closes its connections."""

    def __init__(self, base_url: str, tokens: TokenSource, clock: Clock) -> None:
        self._clock = clock
        self._base_url = base_url
        self._tokens = tokens
        self._connected: GraphRequestAdapter | None = None

    async def aclose(self) -> None:
        if self._connected is not None:
            await self._connected._http_client.aclose()

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> "httpx.Response":
        import httpx
        from kiota_abstractions.headers_collection import HeadersCollection
        from kiota_abstractions.method import Method
        from kiota_abstractions.native_response_handler import NativeResponseHandler
        from kiota_abstractions.request_information import RequestInformation
        from kiota_http.middleware.options import ResponseHandlerOption

        from shared.outbound.bounded import AnswerRefused

        request = RequestInformation(Method(method))
        request.url = url
        # A new collection: the SDK shares one between requests, and ConsistencyLevel would leak.
        request.headers = HeadersCollection()
        for name, value in {"Accept": "application/json", **headers}.items():
            request.headers.add(name, value)
        if body is not None:
            request.set_stream_content(body, "application/json")
        request.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
        try:
            response = await self._adapter().send_primitive_async(request, "bytes", {})
        except AnswerRefused as error:
            raise GraphError("graph.answerRefused", why=str(error)) from error
        except httpx.HTTPError as error:
            raise GraphError("graph.noAnswer", error=type(error).__name__) from error
        if not isinstance(response, httpx.Response):
            raise GraphError("graph.noAnswer", error=type(response).__name__)
        return response

    def _adapter(self) -> "GraphRequestAdapter":
        if self._connected is None:
            self._connected = _connect(self._base_url, self._tokens, self._clock)
        return self._connected


def _connect(base_url: str, tokens: TokenSource, clock: Clock) -> "GraphRequestAdapter":
    import httpx
    from kiota_http.middleware.options import RedirectHandlerOption, RetryHandlerOption
    from msgraph.graph_request_adapter import GraphRequestAdapter
    from msgraph_core import GraphClientFactory

    from shared.outbound.bounded import BoundedTransport

    options = {
        RetryHandlerOption.get_key(): RetryHandlerOption(max_retries=0, should_retry=False),
        RedirectHandlerOption.get_key(): RedirectHandlerOption(max_redirect=0, should_redirect=False),
    }
    client = GraphClientFactory.create_with_default_middleware(
        client=httpx.AsyncClient(
            transport=BoundedTransport(WHOLE_ANSWER_SECONDS, clock), timeout=httpx.Timeout(100, connect=15)
        ),
        options=options,
    )
    adapter = GraphRequestAdapter(_authentication(tokens), client)
    adapter.base_url = base_url
    return adapter


def _authentication(tokens: TokenSource) -> "AuthenticationProvider":
    from kiota_abstractions.authentication import AuthenticationProvider
    from kiota_abstractions.request_information import RequestInformation

    class Bearer(AuthenticationProvider):
        """Replaces the SDK's provider, which closes an asynchronous credential after every token."""

        async def authenticate_request(
            self, request: RequestInformation, _context: dict[str, Any] | None = None
        ) -> None:
            request.headers.add("Authorization", f"Bearer {await tokens.token()}")

    return Bearer()
