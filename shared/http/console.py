"""The admin page: a few static files, with headers that keep content of other sites out of it."""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import get_args

import azure.functions as func
import orjson

from shared.http.content import content
from shared.http.endpoint import Call, Nothing
from shared.http.problems import Problem
from shared.model.parts import Language, say
from shared.words import sentences

FOLDER = Path(__file__).parent.parent / "console"
PAGE = "index.html"
_MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
# Listed once, and nothing else is served: a requested name is never used as a path.
_FILES = tuple(
    sorted(
        path.relative_to(FOLDER).as_posix()
        for path in FOLDER.rglob("*")
        if path.suffix in _MEDIA_TYPES and path.name != PAGE
    )
)
# The sentences that Python says, too: one module for each language.
_WORDS: Mapping[str, Language] = {f"words.{language}.js": language for language in get_args(Language)}
ASSETS = (*_FILES, *_WORDS)
# All modules at once: if the browser found them through their imports, they would take four rounds of requests.
# Of texts and sentences it needs one language only, and knows which.
_OF_A_LANGUAGE = re.compile(r"(texts|words)\.\w+\.js")
_PRELOADS = "".join(
    f"<link rel=modulepreload href=/api/console/{name}>"
    for name in ASSETS
    if name.endswith(".js") and not _OF_A_LANGUAGE.fullmatch(name)
).encode()
_DOC_COMMENTS = re.compile(rb"^[ \t]*/\*\*(?:(?!\*/).)*\*/\n", re.DOTALL | re.MULTILINE)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # The browser caches it and revalidates it each time: a new version of the app shows at once.
    "Cache-Control": "no-cache",
}


async def page(call: Call[Nothing, Nothing]) -> func.HttpResponse:
    return _file(PAGE, call.headers, call.services.settings.auth_mode)


async def asset(call: Call[Nothing, Nothing]) -> func.HttpResponse:
    if call.asset not in ASSETS:
        raise Problem(404, "Not Found", say("http.noFile", name=repr(call.asset)))
    return _file(call.asset, call.headers)


def _file(name: str, asked: Mapping[str, str], auth_mode: str = "") -> func.HttpResponse:
    body, etag = _read(name, auth_mode)
    headers = {**_HEADERS, "ETag": etag}
    if _known(etag, asked.get("If-None-Match", "")):
        return func.HttpResponse(status_code=304, headers=headers)
    return content(body, _MEDIA_TYPES[Path(name).suffix], asked, headers)


def without_doc_comments(script: bytes) -> bytes:
    """The script without its doc comments: they are a tenth of the bytes, and a browser does not need them."""
    return _DOC_COMMENTS.sub(b"", script)


@cache
def _read(name: str, auth_mode: str) -> tuple[bytes, str]:
    """The file and its weak ETag, the same whether it is sent compressed or not.

    `auth_mode` is written into the page: the platform's 401 is the same for a missing key and a missing session.
    """
    body = _module_of(sentences(_WORDS[name])) if name in _WORDS else (FOLDER / name).read_bytes()
    if name.endswith(".js"):
        body = without_doc_comments(body)
    if name == PAGE:
        body = body.replace(b"<!-- modules -->", _PRELOADS)
        body = body.replace(b'data-auth=""', f'data-auth="{auth_mode}"'.encode())
    return body, f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'


def _module_of(words: Mapping[str, str]) -> bytes:
    return b"export default " + orjson.dumps(words) + b";\n"


def _known(etag: str, if_none_match: str) -> bool:
    tags = {tag.strip() for tag in if_none_match.split(",")}
    return bool(tags & {etag, etag.removeprefix("W/"), "*"})
