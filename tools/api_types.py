"""The API's answers as TypeScript types: `make lint` writes them, then type-checks the console with them.

A field that the app renames or removes is then an error wherever the page reads it.
"""

import json
from pathlib import Path

from pydantic.json_schema import JsonSchemaValue

from local.processes import REPOSITORY
from shared.http.endpoints import ENDPOINTS
from shared.http.openapi import openapi

FILE = REPOSITORY / "tools" / "javascript" / "api.d.ts"


def declarations(schemas: dict[str, JsonSchemaValue]) -> str:
    """One type alias for each named schema; `Api.Run` is a run."""
    lines = (f"    type {name} = {_type(schema)};" for name, schema in schemas.items())
    return "\n".join(["// Written by tools/api_types.py.", "declare namespace Api {", *lines, "}", ""])


def _type(schema: JsonSchemaValue) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " | ".join(map(json.dumps, schema.get("enum") or [schema["const"]]))
    kind = schema.get("type", "unknown")
    if kind == "array":
        return f"({_type(schema['items'])})[]"
    if kind == "object":
        return _object(schema)
    return "number" if kind == "integer" else str(kind)


def _object(schema: JsonSchemaValue) -> str:
    """No field is optional: answers always contain all fields, those with a default too."""
    if "properties" not in schema:
        return f"Record<string, {_type(schema['additionalProperties'])}>"
    fields = (f"{name}: {_type(field)}" for name, field in schema["properties"].items())
    return f"{{ {'; '.join(fields)} }}"


def write(path: Path = FILE) -> None:
    path.write_text(declarations(openapi(ENDPOINTS)["components"]["schemas"]), encoding="utf-8")


if __name__ == "__main__":
    write()
