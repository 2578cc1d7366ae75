"""A request as the platform's front end and the host hand it to the worker."""

from collections.abc import Mapping

from aiohttp import web
from multidict import MultiMapping

from local.host.paths import escaped
from local.host.rpc import RpcHttp, TypedData

# ScriptConstants.cs, `DefaultMaxRequestBodySize`.
_LARGEST_BODY = 100 * 1024 * 1024


class BodyTooLarge(Exception):
    """The body is over the host's limit; the host answers 500."""


async def function_request(request: web.BaseRequest, path: str, parameters: Mapping[str, str]) -> TypedData:
    """The request as the worker gets it. Raises BodyTooLarge.

    From azure-functions-host, GrpcMessageConversionExtensions.cs, `ToRpcHttp`: header names are in lower case, repeated
    headers and query parameters are joined by commas, empty query parameters are left out, the body is always bytes.
    """
    query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
    headers = {name.lower(): value for name, value in _joined(request.headers).items()}
    return TypedData(
        http=RpcHttp(
            method=request.method,
            url=f"http://{request.host}{escaped(path)}{query}",
            headers={**headers, "x-forwarded-for": _forwarded_for(request)},
            query={name: value for name, value in _joined(request.query).items() if value},
            params=parameters,
            body=await _body(request),
        )
    )


async def _body(request: web.BaseRequest) -> TypedData:
    """A chunked request arrives without its body (azure-functions-host#7930)."""
    length = request.content_length or 0
    if length > _LARGEST_BODY:
        raise BodyTooLarge
    if length == 0:
        return TypedData()
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    return TypedData(bytes=await request.content.read())


def _forwarded_for(request: web.BaseRequest) -> str:
    """App Service's front end appends the caller's address and port to the header that the caller sent."""
    address, port = ((request.transport and request.transport.get_extra_info("peername")) or ("", 0))[:2]
    before = request.headers.getall("X-Forwarded-For", [])
    return ", ".join([*before, f"[{address}]:{port}" if ":" in address else f"{address}:{port}"])


def _joined(values: MultiMapping[str]) -> dict[str, str]:
    return {name: ",".join(values.getall(name)) for name in values}
