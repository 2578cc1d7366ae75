"""Answers, and errors as `application/problem+json` (RFC 9457): never a stack trace, never a secret."""

import json as stdlib_json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from http import HTTPStatus

import azure.functions as func
from pydantic import BaseModel

from shared.errors import (
    AuditLogGone,
    CallerRefused,
    DomainNotFound,
    GraphError,
    JournalGone,
    NotificationNotFound,
    NotPossible,
    PersonNotFound,
    PreconditionFailed,
    RunActive,
    RunNotFound,
    SourceError,
    SyncError,
    Unavailable,
)
from shared.model.parts import Parts, parts_of, say
from shared.words import said

_STATUS: Mapping[type[SyncError], tuple[int, str]] = {
    DomainNotFound: (404, "Unknown domain"),
    NotificationNotFound: (404, "Unknown notification"),
    PersonNotFound: (404, "Unknown person"),
    RunNotFound: (404, "Unknown run"),
    RunActive: (409, "A run is active already"),
    AuditLogGone: (410, "Audit log gone"),
    JournalGone: (410, "Too long ago"),
    NotPossible: (409, "Not possible with this run"),
    PreconditionFailed: (412, "Settings changed meanwhile"),
    CallerRefused: (502, "Microsoft Graph can't be read"),
    GraphError: (502, "Microsoft Graph can't be read"),
    SourceError: (502, "The source can't be read"),
    Unavailable: (503, "Not to be had just now"),
}


@dataclass(eq=False)
class Problem(Exception):
    """An answer that is an error; `errors` are fields of the request, each with what is wrong with it."""

    status: int
    title: str
    parts: Parts
    errors: Sequence[tuple[str, Parts]] = ()
    run_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        """What is wrong and what to do, in English."""
        return said(self.parts)

    @classmethod
    def of(cls, error: SyncError) -> "Problem":
        status, title = next((s for kind, s in _STATUS.items() if isinstance(error, kind)), (500, "Failed"))
        run_id = error.run_id if isinstance(error, RunActive) else None
        headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Unavailable) else {}
        return cls(status, title, parts_of(error), run_id=run_id, headers=headers)

    def answer(self) -> func.HttpResponse:
        body: dict[str, object] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "parts": [asdict(part) for part in self.parts],
        }
        if self.errors:
            body["errors"] = [
                {"field": name, "detail": said(why), "parts": [asdict(part) for part in why]}
                for name, why in self.errors
            ]
        if self.run_id:
            body["runId"] = self.run_id
        return func.HttpResponse(
            stdlib_json.dumps(body, ensure_ascii=False),
            status_code=self.status,
            headers={"Cache-Control": "no-store", **self.headers},
            mimetype="application/problem+json",
        )


def secured(answer: func.HttpResponse) -> func.HttpResponse:
    """The answer with headers that tell a browser not to guess its type, and to use HTTPS only."""
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Strict-Transport-Security"] = "max-age=31536000"
    return answer


def json(
    body: BaseModel | Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    """A JSON answer; a model goes out in camelCase."""
    text = (
        body.model_dump_json(by_alias=True)
        if isinstance(body, BaseModel)
        else stdlib_json.dumps(body, ensure_ascii=False)
    )
    return func.HttpResponse(
        text,
        status_code=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        mimetype="application/json",
    )


def nothing_here(method: str, path: str, allowed: list[str]) -> func.HttpResponse:
    """The 404 for a path that no trigger serves; 405 if other methods are `allowed`."""
    if allowed:
        taken = say("http.wrongMethod", path=path, methods=tuple(allowed), method=method)
        headers = {"Allow": ", ".join(allowed)}
        return Problem(405, HTTPStatus(405).phrase, taken, headers=headers).answer()
    return Problem(404, HTTPStatus(404).phrase, say("http.nothingHere", path=path)).answer()
