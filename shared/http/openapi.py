"""The API as an OpenAPI 3.1 document, made from the declarations that are enforced."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import azure.functions as func
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.http.endpoint import Call, Endpoint, Nothing
from shared.http.problems import json

_REF = "#/components/schemas/{model}"
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "runId": {"type": "string", "description": "409: the run that is active."},
    },
}
_PARAMETERS = {
    "domain": "A verified domain of the tenant.",
    "runId": "The id of a run.",
    "asset": "A file of the admin page.",
}


async def document(_: Call) -> func.HttpResponse:
    from shared.http.endpoints import ENDPOINTS

    return json(openapi(ENDPOINTS))


def openapi(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    models = {model for endpoint in endpoints for model in _models(endpoint)}
    ordered = sorted(models, key=lambda model: model.__name__)
    refs, definitions = models_json_schema([(m, "serialization") for m in ordered], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, {model: ref for (model, _), ref in refs.items()})
        paths.setdefault(f"/api/{endpoint.path}", {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sync from HENNGE Access Control", "version": "1"},
        "paths": paths,
        "components": {"schemas": {**definitions.get("$defs", {}), "Problem": _PROBLEM}},
    }


def _models(endpoint: Endpoint) -> list[type[BaseModel]]:
    models = [model for model in endpoint.answers.values() if not isinstance(model, str)]
    return models if endpoint.body is Nothing else [*models, endpoint.body]


def _operation(endpoint: Endpoint, refs: Mapping[Any, Any]) -> dict[str, Any]:
    problem = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    responses: dict[str, Any] = {"default": {"description": "What went wrong, and what to do.", **problem}}
    for status, answer in sorted(endpoint.answers.items()):
        described = {"description": answer if isinstance(answer, str) else answer.__name__}
        content = (
            {} if isinstance(answer, str) else {"content": {"application/json": {"schema": refs[answer]}}}
        )
        responses[str(status)] = {**described, **content}
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "parameters": [*_path_parameters(endpoint.path), *_query_parameters(endpoint.query)],
        "responses": responses,
    }
    if endpoint.role is not None:
        operation["description"] = f"Needs the app role {endpoint.role.value} where AUTH_MODE is entra."
    if endpoint.method != "GET":
        schema = {"type": "object", "additionalProperties": False}
        body = schema if endpoint.body is Nothing else refs[endpoint.body]
        required = endpoint.method == "PATCH"
        operation["requestBody"] = {"required": required, "content": {"application/json": {"schema": body}}}
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PARAMETERS[name],
            "schema": {"type": "string"},
        }
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    properties = query.model_json_schema().get("properties", {})
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in properties.items()
    ]
