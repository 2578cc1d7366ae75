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
from shared.http.script import bare, joined
from shared.model.parts import Language, say
from shared.words import sentences

FOLDER = Path(__file__).parent.parent / "console"
PAGE = "index.html"
_MEDIA_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
SCRIPT = "console.js"
# Texts and sentences: a browser needs those of one language, and knows which.
LANGUAGES: Mapping[str, Language] = {f"language.{language}.js": language for language in get_args(Language)}
# Listed once, and nothing else is served: a requested name is never used as a path.
ASSETS = (SCRIPT, *LANGUAGES, "icon.svg")
_OF_A_LANGUAGE = re.compile(r"texts\.\w+\.js")
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


def modules() -> dict[str, str]:
    """The console's modules by their paths, but for its texts."""
    scripts = {path.relative_to(FOLDER).as_posix(): path for path in sorted(FOLDER.rglob("*.js"))}
    return {
        name: path.read_text(encoding="utf-8")
        for name, path in scripts.items()
        if not _OF_A_LANGUAGE.fullmatch(name)
    }


@cache
def _read(name: str, auth_mode: str) -> tuple[bytes, str]:
    """The file and its weak ETag, the same whether it is sent compressed or not.

    `auth_mode` is written into the page: the platform's 401 is the same for a missing key and a missing session.
    """
    if name == SCRIPT:
        text = _style() + joined(modules())
    elif name in LANGUAGES:
        text = _language(LANGUAGES[name])
    else:
        text = (FOLDER / name).read_text(encoding="utf-8")
    if name == PAGE:
        text = text.replace('data-auth=""', f'data-auth="{auth_mode}"')
    body = text.encode()
    return body, f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'


def _style() -> str:
    """The style sheet as a statement: it comes with the script, without which the page is empty anyway."""
    style = bare((FOLDER / "style.css").read_text(encoding="utf-8"))
    return (
        "const sheet = new CSSStyleSheet();\n"
        f"sheet.replaceSync({orjson.dumps(style).decode()});\n"
        "document.adoptedStyleSheets = [sheet];\n"
    )


def _language(language: Language) -> str:
    """The console's own texts, and the sentences that Python says, too."""
    texts = bare((FOLDER / f"texts.{language}.js").read_text(encoding="utf-8"))
    words = orjson.dumps(sentences(language)).decode()
    return f"{texts}export const words = {words};\n"


def _known(etag: str, if_none_match: str) -> bool:
    tags = {tag.strip() for tag in if_none_match.split(",")}
    return bool(tags & {etag, etag.removeprefix("W/"), "*"})
