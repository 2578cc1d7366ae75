"""The admin page."""

from pathlib import Path

import azure.functions as func

from shared.http.endpoint import Call

_PAGE = Path(__file__).parent.parent / "console" / "index.html"


async def page(_: Call) -> func.HttpResponse:
    return func.HttpResponse(_PAGE.read_text(encoding="utf-8"), mimetype="text/html")
