"""The API as an OpenAPI 3.1 document, made from the declarations that are enforced."""

import re
from collections.abc import Mapping, Sequence

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaValue, models_json_schema

from shared.http.endpoint import LONGEST_NAME, AnyEndpoint, Nothing
from shared.model.runs import RUN_ID_PATTERN

_REF = "#/components/schemas/{model}"
_PROBLEM: JsonSchemaValue = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "parts": {
            "type": "array",
            "items": {"$ref": _REF.format(model="Part")},
            "description": "What `detail` says, as data.",
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "detail": {"type": "string"},
                    "parts": {"type": "array", "items": {"$ref": _REF.format(model="Part")}},
                },
            },
        },
        "runId": {"type": "string", "description": "409: the run that is active."},
    },
}
_PARAMETERS: Mapping[str, JsonSchemaValue] = {
    "domain": {
        "description": "A verified domain of the tenant, in any case; an international one also in its own letters.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 253, "pattern": "^[^/]+$"},
    },
    "runId": {
        "description": "The id of a run.",
        "schema": {"type": "string", "pattern": f"^{RUN_ID_PATTERN}$"},
    },
    "decisionId": {
        "description": "The id of a decision, which is that of its question.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{20}$"},
    },
    "person": {
        "description": "An object id, `u:` and the Username in base64url, or a UPN or Username as it is.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME, "pattern": "^[^/]+$"},
    },
    "objectId": {
        "description": "The object id of an account in Entra.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "approvalId": {
        "description": "The id of a call that waits for a second person.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "notificationId": {
        "description": "The id of a notification, as in the settings.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,40}$"},
    },
    "asset": {
        "description": "A file of the admin page.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 100},
    },
}
_SECURITY_SCHEMES = {
    "functionKey": {
        "type": "apiKey",
        "in": "header",
        "name": "x-functions-key",
        "description": "Where AUTH_MODE is keys; the platform checks it, and answers 401 without a body.",
    },
    "entra": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Where AUTH_MODE is entra: a token for this application, or a session of the admin page.",
    },
}
# Errors that any request of a kind can get. Those of a single endpoint are in its declaration.
_BAD_REQUEST = {400: "A parameter or field is bad or unknown; `errors` names every one."}
_PROTECTED = {
    401: "Nobody is signed in, or the function key is missing.",
    403: "The app role that is named is missing.",
    503: "App Service authentication should stand in front of the app, and does not.",
}
_CHANGING = {
    403: "The app role that is named is missing, or a browser sent this for another site.",
    411: "The body was sent chunked, without its length.",
    413: "The body is larger than 1 MB.",
    415: "The body is not application/json.",
}
_NOT_FOUND = {
    "domain": "No such domain.",
    "runId": "No such domain or run.",
    "decisionId": "No such domain or decision.",
    "person": "Neither side has such a person, or no domain of the tenant has them.",
    "objectId": "No such domain or account, or no such leaver waits there.",
    "approvalId": "Nothing of this id waits.",
    "notificationId": "No such notification.",
    "asset": "No such file.",
}
_PUT_OFF = "With APPROVALS=two: `approval`, as in `GET /api/approvals`, waits for a second person."
_FAILED = {500: "Something went wrong here; the app's log says what."}


def openapi(endpoints: Sequence[AnyEndpoint]) -> JsonSchemaValue:
    models = {model for endpoint in endpoints for model in _models(endpoint)}
    ordered = sorted(models, key=lambda model: model.__name__)
    schemas, definitions = models_json_schema([(m, "serialization") for m in ordered], ref_template=_REF)
    refs = {model: schemas[model, "serialization"] for model in ordered}
    paths: dict[str, JsonSchemaValue] = {}
    for endpoint in endpoints:
        paths.setdefault(f"/api/{endpoint.path}", {})[endpoint.method.lower()] = _operation(endpoint, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sync from HENNGE Access Control", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {**definitions.get("$defs", {}), "Problem": _PROBLEM},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def _models(endpoint: AnyEndpoint) -> list[type[BaseModel]]:
    models = [model for model in endpoint.all_answers.values() if not isinstance(model, str)]
    return models if endpoint.body is Nothing else [*models, endpoint.body]


def _operation(endpoint: AnyEndpoint, refs: Mapping[type[BaseModel], JsonSchemaValue]) -> JsonSchemaValue:
    operation: JsonSchemaValue = {
        "summary": endpoint.summary,
        "operationId": endpoint.handler.__name__,
        "parameters": [
            *_path_parameters(endpoint.path),
            *_query_parameters(endpoint.query),
            *_header_parameters(endpoint.takes),
        ],
        "responses": _responses(endpoint, refs),
        "security": [] if endpoint.role is None else [{name: []} for name in _SECURITY_SCHEMES],
    }
    if endpoint.role is not None:
        operation["description"] = f"Needs the app role {endpoint.role.value} where AUTH_MODE is entra."
    if endpoint.changes:
        schema = {"type": "object", "additionalProperties": False}
        body = schema if endpoint.body is Nothing else refs[endpoint.body]
        required = endpoint.method == "PATCH"
        operation["requestBody"] = {"required": required, "content": {"application/json": {"schema": body}}}
    return operation


def _responses(endpoint: AnyEndpoint, refs: Mapping[type[BaseModel], JsonSchemaValue]) -> JsonSchemaValue:
    problems = {**_BAD_REQUEST, **_FAILED}
    problems |= _PROTECTED if endpoint.role is not None else {}
    problems |= _CHANGING if endpoint.changes else {}
    if names := _names(endpoint.path):
        problems[404] = _NOT_FOUND[names[-1]]
    if endpoint.asks and 202 not in endpoint.all_answers:
        problems[202] = _PUT_OFF
    responses: JsonSchemaValue = {}
    for status, answer in sorted({**problems, **endpoint.all_answers}.items()):
        described = answer if isinstance(answer, str) else answer.__name__
        if endpoint.asks and status == 202 and described != _PUT_OFF:
            described += f"; or: {_PUT_OFF}"
        content = {} if isinstance(answer, str) else {"application/json": {"schema": refs[answer]}}
        if status == 200:
            content |= {kind: {"schema": _file_schema(kind)} for kind in endpoint.files}
        elif status >= 400 and not content:
            content = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
        responses[str(status)] = {"description": described} | ({"content": content} if content else {})
        if status < 300 and endpoint.gives:
            responses[str(status)]["headers"] = {
                name: {"schema": {"type": "string"}} for name in endpoint.gives
            }
    return responses


def _file_schema(kind: str) -> dict[str, str]:
    return {"type": "object" if kind == "application/json" else "string"}


def _names(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)


def _path_parameters(path: str) -> list[JsonSchemaValue]:
    return [{"name": name, "in": "path", "required": True, **_PARAMETERS[name]} for name in _names(path)]


def _header_parameters(names: Sequence[str]) -> list[JsonSchemaValue]:
    return [{"name": name, "in": "header", "required": False, "schema": {"type": "string"}} for name in names]


def _query_parameters(query: type[BaseModel]) -> list[JsonSchemaValue]:
    model = query.model_json_schema()
    required = model.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in model.get("properties", {}).items()
    ]
