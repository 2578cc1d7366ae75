"""`make docs`: writes tables made from the code into the pages of docs/, between marks like these:

<!-- from the code: settings -->
… replaced …
<!-- end -->
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic.alias_generators import to_camel

from benchmarks import scale
from local.processes import REPOSITORY
from shared.http.endpoints import ENDPOINTS
from shared.http.openapi import openapi
from shared.model.domains import DomainSettings
from shared.model.records import Record
from shared.planning.entra_limits import LENGTHS, UPN_LENGTH
from shared.planning.mapping import DEFAULT_MAP, ENABLED, IMMUTABLE_ID, NICKNAME, SOURCE_ID, STATUS_FIELD, UPN
from shared.planning.tenant_settings import TenantSettings
from shared.reports.audit_csv import COLUMNS
from shared.settings import Settings
from tools.roles_table import roles_table

PAGES = REPOSITORY / "docs"
BAR = "\\|"
_BLOCK = re.compile(r"(<!-- from the code: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Lines = Iterator[str]
Schema = Mapping[str, Any]


def main() -> None:
    for page in sorted(PAGES.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if (full := filled(text)) != text:
            page.write_text(full, encoding="utf-8")
            print(f"docs/{page.name} is new")


def filled(page: str) -> str:
    """The page with every block generated again. Raises KeyError for an unknown block."""

    def made(block: re.Match[str]) -> str:
        return "\n".join((block[1], *BLOCKS[block[2]](), "", block[3]))

    return _BLOCK.sub(made, page)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Lines:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', BAR) for cell in row)} |"


# docs/configuration.md


def _settings() -> Lines:
    fields = Settings.model_fields.values()
    rows = [(f"`{f.alias}`", _shown(f.alias, f.default), f.description or "") for f in fields]
    yield from _table(("Setting", "Default", "Meaning"), rows)


def _shown(name: str | None, default: object) -> str:
    """A default as it is written in the environment."""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if name == "ATTRIBUTE_MAP":
        return "the default map"
    if isinstance(default, Record):
        return f"`{default.model_dump_json(by_alias=True, exclude_none=True)}`"
    return f"`{default}`" if default else ""


def _attributes() -> Lines:
    rows = [
        (f"`{SOURCE_ID}`, which names a user for good", "", "`Username`"),
        (
            f"`{UPN}`",
            f"{UPN_LENGTH}, of which 64 before the @",
            "`UserPrincipalName`, `UPN`; or `Email`, `Email Address`",
        ),
        (
            f"`{IMMUTABLE_ID}`",
            "",
            "`Immutable ID`, `On Premises Immutable ID`, `Microsoft Immutable ID`, `Microsoft Immutable`",
        ),
        (
            f"`{ENABLED}`, which only names the field",
            "",
            f"`{STATUS_FIELD}`; see [`SIGN_IN`](#who-may-sign-in)",
        ),
    ]
    for attribute, length in LENGTHS.items():
        field = DEFAULT_MAP.get(attribute)
        of_an_address = ", of an address what stands before the @" if attribute == NICKNAME else ""
        rows.append((f"`{attribute}`", str(length), f"`{field}`{of_an_address}" if field else "not filled"))
    yield from _table(("Entra attribute", "Longest value", "Source field by default"), rows)


def _tenant_settings() -> Lines:
    rows = [
        (f"`{to_camel(name)}`", field.description or "")
        for name, field in TenantSettings.model_fields.items()
    ]
    yield from _table(("Setting", "Meaning"), rows)


def _domain_settings() -> Lines:
    rows = [
        (f"`{to_camel(name)}`", _shown(None, field.default) or "off", field.description or "")
        for name, field in DomainSettings.model_fields.items()
    ]
    yield from _table(("Setting", "Default", "Meaning"), rows)


# docs/api.md


def _endpoints() -> Lines:
    for path, operations in openapi(ENDPOINTS)["paths"].items():
        for method, operation in operations.items():
            yield from _operation(f"{method.upper()} {path}", operation)


def _operation(name: str, operation: Schema) -> Lines:
    yield from (f"### `{name}`", "", str(operation["summary"]))
    if described := operation.get("description"):
        yield from ("", re.sub(r"(Sync\.\w+|AUTH_MODE)", r"`\1`", described))
    if queries := [_query(p) for p in operation["parameters"] if p["in"] == "query"]:
        yield ""
        yield from _table(("Query", "Required", "Type", "Default", ""), queries)
    if body := operation.get("requestBody"):
        schema = body["content"]["application/json"]["schema"]
        yield from ("", f"Body: {_type(schema) if '$ref' in schema else 'none, or `{}`'}.")
    yield ""
    answers = [_answer(*one) for one in operation["responses"].items() if one[0] != "default"]
    yield from _table(("Status", "Answer"), answers)
    yield ""


def _query(parameter: Schema) -> tuple[str, ...]:
    schema = parameter["schema"]
    required, described = "yes" if parameter["required"] else "", str(schema.get("description", ""))
    return f"`{parameter['name']}`", required, _type(schema), _default(schema), described


def _answer(status: str, answer: Schema) -> tuple[str, str]:
    schemas = [content.get("schema", {}) for content in answer.get("content", {}).values()]
    schema = schemas[0] if schemas else {}
    # All errors have the same shape, so show the description instead.
    return status, _type(schema) if "$ref" in schema and status < "400" else str(answer["description"])


def _schemas() -> Lines:
    for name, schema in openapi(ENDPOINTS)["components"]["schemas"].items():
        yield from (f"### {name}", "")
        if described := schema.get("description"):
            yield from (" ".join(str(described).split()), "")
        if "properties" in schema:
            rows = [
                (f"`{field}`", _type(one), one.get("description", ""))
                for field, one in schema["properties"].items()
            ]
            yield from _table(("Field", "Type", ""), rows)
        else:
            yield f"One of {_type(schema)}."
        yield ""


def _type(schema: Schema) -> str:
    """A JSON schema in a few words, with links to the schemas it names."""
    kind = str(schema.get("type", "anything"))
    if reference := schema.get("$ref"):
        name = str(reference).rpartition("/")[2]
        kind = f"[{name}](#{name.lower()})"
    elif choices := schema.get("anyOf"):
        kind = " or ".join(_type(choice) for choice in choices)
    elif values := schema.get("enum"):
        kind = ", ".join(f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in values)
    elif schema.get("format") == "date-time":
        kind = "time"
    elif kind == "array":
        kind = f"list of {_type(schema['items'])}"
    elif isinstance(schema.get("additionalProperties"), Mapping):
        kind = f"object of {_type(schema['additionalProperties'])}"
    bounds = [f"{sign} {schema[key]}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in schema]
    return " ".join([kind, *bounds])


def _default(schema: Schema) -> str:
    default = schema.get("default")
    return "" if default is None else f"`{str(default).lower()}`"


# docs/audit-log.md


def _columns() -> Lines:
    yield from ("```", ",".join(COLUMNS), "```")


BLOCKS: Mapping[str, Callable[[], Lines]] = {
    "settings": _settings,
    "attributes": _attributes,
    "domain-settings": _domain_settings,
    "tenant-settings": _tenant_settings,
    "endpoints": _endpoints,
    "schemas": _schemas,
    "columns": _columns,
    "roles": roles_table,
    "scale-measured": lambda: _table(*scale.measured_table()),
    "scale-hours": lambda: _table(*scale.hours_table()),
    "scale-cost": lambda: _table(*scale.cost_table()),
    "scale-logs": lambda: _table(*scale.logs_table()),
    "scale-memory": lambda: _table(*scale.memory_table()),
    "scale-writing": lambda: _table(*scale.writing_table()),
}


if __name__ == "__main__":
    main()
