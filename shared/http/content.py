"""Answers that may be large, compressed if the client accepts that."""

import gzip
from collections.abc import Mapping

import azure.functions as func

# Below this, compressing costs more than it saves.
_WORTH_COMPRESSING = 1024


def content(
    body: bytes, media_type: str, asked: Mapping[str, str], headers: Mapping[str, str]
) -> func.HttpResponse:
    """A 200 with this body; `asked` are the headers of the request."""
    extra = {"Vary": "Accept, Accept-Encoding", **headers}
    if len(body) >= _WORTH_COMPRESSING and _takes_gzip(asked.get("Accept-Encoding", "")):
        body = gzip.compress(body, compresslevel=5, mtime=0)
        extra["Content-Encoding"] = "gzip"
    return func.HttpResponse(body, headers=extra, mimetype=media_type, charset="utf-8")


def _takes_gzip(accept_encoding: str) -> bool:
    """Whether `gzip` is on the list, and its weight is not 0."""
    for item in accept_encoding.lower().split(","):
        coding, _, weight = (part.strip() for part in item.partition(";"))
        if coding == "gzip":
            return weight.replace(" ", "").rstrip("0").removesuffix(".") not in ("q=", "q=0")
    return False
