"""How an endpoint is declared: its path, who may call it, what it takes and answers.

The declarations are the only place for that: triggers, the OpenAPI document, the 405 answers and the table of roles are
made from them, and requests are checked against them.
"""

import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar, get_args, get_type_hints

import azure.functions as func
import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.errors import DomainNotFound, PersonNotFound, RunNotFound, SyncError
from shared.http.address import caller_address
from shared.http.bad_fields import bad_fields
from shared.http.principal import ANYBODY, Principal, Role, identified, require_role
from shared.http.problems import Problem, json, secured
from shared.http.put_off import PutOff, view
from shared.http.same_origin import from_browser, require_same_origin
from shared.log import event
from shared.model.addresses import is_object_id
from shared.model.domain_names import domain_name
from shared.model.notifications import Happening
from shared.model.parts import say
from shared.model.pending import WAITS, Asked, Pending
from shared.model.records import Author
from shared.model.runs import is_run_id
from shared.services import Services

# An approval may name 20,000 people.
LARGEST_BODY = 1024 * 1024
# In characters, of an id, a Username or a UPN.
LONGEST_NAME = 1024
# The platform's own query parameters: a function key may come in the query.
_PLATFORM_QUERY = frozenset({"code", "clientId"})


class Body(BaseModel):
    """A request body or query: unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Body):
    """No fields at all."""


Model = TypeVar("Model", bound=BaseModel)
Query_co = TypeVar("Query_co", bound=BaseModel, covariant=True)
Body_co = TypeVar("Body_co", bound=BaseModel, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Query_co, Body_co]):
    """One request, checked. What stands in the path is empty where the path has no such place."""

    services: Services
    caller: Principal
    author: Author
    domain: str
    run_id: str
    decision: str
    person: str
    object_id: str
    approval: str
    notification: str
    asset: str
    query: Query_co
    body: Body_co
    headers: Mapping[str, str]
    enqueue: Callable[[str], None]

    @property
    def facts(self) -> dict[str, Any]:
        """The fields of a log line about the request: who asked, from where, about what."""
        return {
            "domain": self.domain,
            "runId": self.run_id,
            "by": self.author.name,
            "address": self.author.address,
        }


AnyCall = Call[BaseModel, BaseModel]


# It gives the body of a 200, or an answer with a status or headers of its own.
Handler = Callable[[Call[Query_co, Body_co]], Awaitable[BaseModel | func.HttpResponse]]
# What a call asks a second person for; None if it needs none.
Asks = Callable[[Call[Query_co, Body_co]], Awaitable[Asked | None]]
# The parameters of a path that are a call's own.
_PLACE = ("domain", "run_id", "decision", "person", "object_id")


@dataclass(frozen=True, kw_only=True)
class Endpoint(Generic[Query_co, Body_co]):
    """One method of one path. `role` is None if anybody may call.

    `answers` maps a status to its model, or to a description; that of a 200 may be what the handler returns. For the
    OpenAPI document only: `files` are the media types of a 200 without a model, `takes` and `gives` are headers of the
    request and of the answer. `sends`: it may put messages into the queue of runs.
    """

    method: str
    route: str
    summary: str
    role: Role | None
    handler: Handler[Query_co, Body_co]
    answers: Mapping[int, type[BaseModel] | str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    asks: Asks[Query_co, Body_co] | None = None
    sends: bool = False

    @property
    def path(self) -> str:
        """The route as OpenAPI writes it, which has no `{*name}` for a parameter that takes slashes too."""
        return self.route.replace("{*", "{")

    @cached_property
    def query(self) -> type[Query_co]:
        query, _ = _models(self.handler)
        return query

    @cached_property
    def body(self) -> type[Body_co]:
        _, body = _models(self.handler)
        return body

    @property
    def all_answers(self) -> Mapping[int, type[BaseModel] | str]:
        returned = get_type_hints(self.handler)["return"]
        return {200: returned, **self.answers} if issubclass(returned, BaseModel) else self.answers

    @property
    def changes(self) -> bool:
        """Whether a call may change something."""
        return self.method not in ("GET", "HEAD")

    async def __call__(
        self, services: Services, request: func.HttpRequest, enqueue: Callable[[str], None] = lambda _: None
    ) -> func.HttpResponse:
        """Answers the request. Every error becomes a problem; nothing is raised."""
        return secured(await self._answer(services, request, enqueue))

    async def _answer(
        self, services: Services, request: func.HttpRequest, enqueue: Callable[[str], None]
    ) -> func.HttpResponse:
        caller, address = ANYBODY, caller_address(request.headers)
        try:
            if self.role is not None:
                caller = identified(services.settings.auth_mode, os.environ, request.headers)
                require_role(caller, self.role)
            if self.changes:
                require_same_origin(request.headers)
            call = self._call(services, request, caller, enqueue)
            asked = await self.asked(call) if services.settings.approvals == "two" else None
            return await (self.respond(call) if asked is None else self._put_off(call, asked))
        except Problem as problem:
            if problem.status in (401, 403, 503):
                event(
                    "http.refused", logging.WARNING, method=self.method, path=self.path, status=problem.status,
                    reason=problem.title, by=str(caller), address=address,
                )  # fmt: skip
            return problem.answer()
        except SyncError as error:
            return Problem.of(error).answer()
        except Exception as error:  # anything unexpected: logged in full, answered without details
            logging.getLogger("sync").exception("%s %s failed", self.method, self.path)
            event(
                "http.failed", logging.ERROR, method=self.method, path=self.path, error=type(error).__name__
            )
            # Storage's errors carry their status.
            forbidden = getattr(error, "status_code", 0) == 403
            why = say("http.storageForbidden") if forbidden else say("http.failed")
            return Problem(500, "Internal error", why).answer()

    async def respond(self, call: Call[Query_co, Body_co]) -> func.HttpResponse:
        answer = await self.handler(call)
        return json(answer) if isinstance(answer, BaseModel) else answer

    async def asked(self, call: Call[Query_co, Body_co]) -> Asked | None:
        return await self.asks(call) if self.asks else None

    async def _put_off(self, call: Call[Query_co, Body_co], asked: Asked) -> func.HttpResponse:
        """Keeps the call until a second person confirms it."""
        now = call.services.clock.now()
        pending = Pending(
            id=call.services.clock.guid(),
            method=self.method,
            route=self.route,
            place={name: value for name in _PLACE if (value := getattr(call, name))},
            body=call.body.model_dump(mode="json", by_alias=True, exclude_unset=True),
            if_match=call.headers.get("If-Match"),
            asked=asked,
            by=call.author.name,
            by_id=call.caller.object_id,
            at=now,
            expires_at=now + WAITS,
        )
        await call.services.pending.write(pending)
        waits = Happening(
            event="approval.waiting", domain=call.domain, about=pending.id, at=now, counts={"approvals": 1}
        )
        await call.services.outbox.tell(waits)
        event("approval.waiting", **call.facts, id=pending.id, method=self.method, path=self.path)
        return json(PutOff(approval=view(pending)), 202, {"Location": f"/api/approvals/{pending.id}"})

    def again(self, kept: Pending, call: AnyCall, author: Author) -> Call[Query_co, Body_co]:
        """The call that was put off, as its author and whoever confirms it with `call` make it."""
        return Call(
            services=call.services,
            caller=call.caller,
            author=author,
            query=self.query(),
            body=_validated(self.body, kept.body, "body"),
            headers={"If-Match": kept.if_match} if kept.if_match else {},
            enqueue=call.enqueue,
            **{**dict.fromkeys((*_PLACE, "approval", "notification", "asset"), ""), **kept.place},
        )

    def _call(
        self,
        services: Services,
        request: func.HttpRequest,
        caller: Principal,
        enqueue: Callable[[str], None],
    ) -> Call[Query_co, Body_co]:
        """The request, checked. Raises Problem or SyncError, which name what is wrong with it."""
        return Call(
            services=services,
            caller=caller,
            author=Author(str(caller), caller_address(request.headers)),
            domain=domain_in(request.route_params.get("domain")),
            run_id=_run_id(request.route_params.get("runId")),
            decision=request.route_params.get("decisionId") or "",
            person=_person(request.route_params.get("person")),
            object_id=_object_id(request.route_params.get("objectId")),
            approval=request.route_params.get("approvalId") or "",
            notification=request.route_params.get("notificationId") or "",
            asset=request.route_params.get("asset") or "",
            query=_query(self.query, request.params),
            body=_body(self.body, request) if self.changes else self.body(),
            headers=request.headers,
            enqueue=enqueue,
        )


AnyEndpoint = Endpoint[BaseModel, BaseModel]


def _models(handler: Handler[Query_co, Body_co]) -> tuple[type[Query_co], type[Body_co]]:
    """The models of query and body: the handler's annotation `Call[Query, Body]` is where they are declared."""
    call = next(iter(get_type_hints(handler).values()))
    query, body = get_args(call)
    return query, body


def domain_in(text: str | None) -> str:
    """The domain of a path or query; empty without one. Raises DomainNotFound if it can't be one's name."""
    try:
        return domain_name(text) if text is not None else ""
    except ValueError:
        raise DomainNotFound("domain.noName", name=repr(text)) from None


def _run_id(text: str | None) -> str:
    if text is not None and not is_run_id(text):
        raise RunNotFound("run.noId", id=repr(text))
    return text or ""


def _person(text: str | None) -> str:
    if text is not None and len(text) > LONGEST_NAME:
        raise PersonNotFound("person.nowhere", query=text)
    return text or ""


def _object_id(text: str | None) -> str:
    if text is not None and not is_object_id(text):
        raise PersonNotFound("person.noObjectId", id=repr(text))
    return (text or "").lower()


def _query(model: type[Model], params: Mapping[str, str]) -> Model:
    return _validated(model, {k: v for k, v in params.items() if k not in _PLATFORM_QUERY}, "query")


def _body(model: type[Model], request: func.HttpRequest) -> Model:
    content = request.get_body()
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if len(content) > LARGEST_BODY:
        raise Problem(
            413, "Body too large", say("http.bodyTooLarge", longest=LARGEST_BODY, bytes=len(content))
        )
    if not content and request.headers.get("Transfer-Encoding"):
        # Azure's host drops a chunked body, so its content is unknown (azure-functions-host#7930).
        raise Problem(411, "Length missing", say("http.lengthMissing"))
    # A script's `curl -X POST` sends neither body nor type. A page of another site can't look like one.
    if not content and not kind and not from_browser(request.headers):
        return _validated(model, {}, "body")
    if kind != "application/json":
        raise Problem(415, "Wrong content type", say("http.wrongContentType"))
    if not content.strip():
        raise Problem(400, "Bad body", say("http.emptyBody"))
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Problem(400, "Bad body", say("http.notJson", error=str(error))) from None
    return _validated(model, document, "body")


def _validated(model: type[Model], document: object, where: str) -> Model:
    try:
        return model.model_validate(document, by_alias=True, by_name=False)
    except ValidationError as error:
        raise bad_fields(error, where) from None
