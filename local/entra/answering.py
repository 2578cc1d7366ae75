"""One HTTP request to the emulator and its answer, whatever carries it: a socket, or a call within a process."""

from collections.abc import Mapping
from dataclasses import replace

import orjson

from local.entra.batch import perform_batch
from local.entra.calls import Answer, Call
from local.entra.dispatch import dispatch, finish, require_token
from local.entra.errors import GraphError, bad_request, method_not_allowed
from local.entra.state import Entra

PREFIX = "/v1.0"
# Microsoft's SDKs for Python are built on Kiota, and add this.
_SDK = "kiota-python/"
_LARGEST_BODY = 4 * 1024 * 1024


async def answer(entra: Entra, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """`target`: the path and query as they were sent. Raises ConnectionDropped."""
    raw_path, _, query_string = target.partition("?")
    named = {name.lower(): value for name, value in headers.items()}
    call = Call(
        method=method,
        path=raw_path.removeprefix(PREFIX) or "/",
        query_string=query_string,
        headers=named,
        sdk=_SDK in named.get("user-agent", ""),
    )
    await entra.clock.sleep(entra.faults.latency())
    try:
        _refuse_stranger(entra, call, raw_path)
        call = _with_body(call, body)
    except GraphError as refusal:
        return finish(entra, call, "(refused)", entra.clock.guid(), refusal)
    if call.plain_path == "/$batch":
        return await perform_batch(entra, call)
    return await dispatch(entra, call)


def _refuse_stranger(entra: Entra, call: Call, raw_path: str) -> None:
    if not raw_path.startswith(f"{PREFIX}/"):
        raise GraphError(404, "ResourceNotFound", f"Nothing is here but {PREFIX} and /_emulator.")
    require_token(entra, call)
    if call.plain_path == "/$batch" and call.method != "POST":
        raise method_not_allowed()


def _with_body(call: Call, raw: bytes) -> Call:
    if not raw:
        return call
    if len(raw) > _LARGEST_BODY:
        raise GraphError(413, "RequestEntityTooLarge", "The request is larger than 4 MB.")
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise bad_request(
            "Write requests (excluding DELETE) must contain the Content-Type header declaration."
        )
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise GraphError(
            400,
            "BadRequest",
            "Unable to read JSON request payload. Please ensure Content-Type header is set and "
            "payload is of valid JSON format.",
        ) from None
    return replace(call, body=body)
