"""Empty pages with a continuation to what they should have held; the services may send one at any time."""

import json
from urllib.parse import parse_qsl, quote, urlencode

from local.azurite.errors import Answer
from local.azurite.operations import Operation

_TOKEN = "after-an-empty-page"  # noqa: S105 - a continuation, no secret
_FIRST = "!"
"""A marker that sorts before every blob name: Azurite lists the names after the marker, so all of them."""


def empty_page(operation: Operation, raw_path: str) -> Answer:
    """An empty page instead of the requested one; the next page begins where this one should have."""
    query = dict(parse_qsl(raw_path.partition("?")[2], keep_blank_values=True))
    if operation.service == "table":
        headers = {"Content-Type": "application/json;odata=minimalmetadata"}
        headers["x-ms-continuation-NextPartitionKey"] = _TOKEN + query.get("NextPartitionKey", "")
        headers["x-ms-continuation-NextRowKey"] = query.get("NextRowKey", _TOKEN)
        return Answer(200, headers, json.dumps({"value": []}).encode())
    marker = query.get("marker") or _FIRST
    body = (
        f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="{operation.container}">'
        f"<Blobs/><NextMarker>{marker}</NextMarker></EnumerationResults>"
    )
    return Answer(200, {"Content-Type": "application/xml"}, body.encode())


def continued(operation: Operation, raw_path: str) -> str:
    """The path for Azurite, without the continuation that an empty page gave.

    A table request's signature does not cover the query, so it stays valid.
    """
    if operation.name != "QueryEntities" or _TOKEN not in raw_path:
        return raw_path
    path, _, raw_query = raw_path.partition("?")
    query = dict(parse_qsl(raw_query, keep_blank_values=True))
    before = query.pop("NextPartitionKey").replace(_TOKEN, "")
    if before:
        query["NextPartitionKey"] = before
    else:
        query.pop("NextRowKey", None)
    return f"{path}?{urlencode(query, quote_via=quote)}"
