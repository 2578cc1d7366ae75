"""The REST operation of a storage request, by its documented name, and its resource."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, unquote

Service = Literal["blob", "queue", "table"]

# By the query's `comp`, for PUT; a PUT of a blob without one is Put Blob.
_BLOB_WRITES = {
    "appendblock": "AppendBlock",
    "block": "PutBlock",
    "blocklist": "PutBlockList",
    "metadata": "SetBlobMetadata",
    "properties": "SetBlobProperties",
    "tags": "SetBlobTags",
    "tier": "SetBlobTier",
    "undelete": "UndeleteBlob",
}
_ENTITY_WRITES = {
    "PUT": "UpdateEntity",
    "PATCH": "MergeEntity",
    "MERGE": "MergeEntity",
    "DELETE": "DeleteEntity",
}
_ENTITY = re.compile(r"^(\w+)\(PartitionKey='((?:[^']|'')*)',\s*RowKey='((?:[^']|'')*)'\)$")
_NAMED_TABLE = re.compile(r"^Tables\('(\w+)'\)$")
_INNER = re.compile(
    rb"^(POST|PUT|PATCH|MERGE|DELETE) \w+://[^/]+/[^/]+/(\S+) HTTP/1\.1\r?$(.*?)(?=^--)", re.M | re.S
)


@dataclass(frozen=True, slots=True)
class Operation:
    """`resource` in a short form: `locks/contoso.com`, `Runs(contoso.com,active)`, `sync-runs`.

    A transaction's resource is its table with its operations in order: `Runs(PATCH active, PUT 123)`.
    `container` is the blob container, table or queue; empty for an operation on the account.
    """

    service: Service
    account: str
    name: str
    container: str = ""
    resource: str = ""
    write: bool = False


def operation(
    service: Service, method: str, raw_path: str, headers: Mapping[str, str], body: bytes
) -> Operation:
    """`raw_path` as in the request line: /account/…?query; the case of `headers` does not matter."""
    path, _, raw_query = raw_path.partition("?")
    account, _, rest = unquote(path).lstrip("/").partition("/")
    query = {name.lower(): values[0] for name, values in parse_qs(raw_query, keep_blank_values=True).items()}
    if service == "blob":
        return _blob(account, method, rest, query, headers)
    if service == "queue":
        return _queue(account, method, rest, query)
    return _table(account, method, rest, body)


def _blob(
    account: str, method: str, rest: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> Operation:
    container, _, blob = rest.partition("/")
    comp = query.get("comp", "").lower()
    action = headers.get("x-ms-lease-action", "").title()
    if not blob and query.get("restype") == "container":
        if comp == "list":
            return Operation("blob", account, "ListBlobs", container, container)
        name = f"{action}ContainerLease" if comp == "lease" else f"{_verb(method)}Container{comp.title()}"
        return Operation("blob", account, name, container, container, write=method in ("PUT", "DELETE"))
    if not container or not blob:
        return Operation("blob", account, f"{_verb(method)}Service{comp.title()}", write=method == "PUT")
    if comp == "lease":
        name = f"{action}BlobLease"
    elif method == "PUT":
        copies = not comp and "x-ms-copy-source" in headers
        name = "CopyBlob" if copies else _BLOB_WRITES.get(comp, f"PutBlob{comp.title()}")
    else:
        name = {"GET": "GetBlob", "HEAD": "GetBlobProperties", "DELETE": "DeleteBlob"}.get(method, method)
    return Operation("blob", account, name, container, rest, write=method in ("PUT", "DELETE"))


def _queue(account: str, method: str, rest: str, query: Mapping[str, str]) -> Operation:
    queue, _, below = rest.partition("/")
    if not queue:
        return Operation("queue", account, "ListQueues" if query.get("comp") == "list" else "Service")
    if not below:
        name = f"{_verb(method)}Queue{query.get('comp', '').title()}"
    elif method == "GET":
        # Get Messages hides them from other callers, so it is a write; Peek Messages is not.
        name = "PeekMessages" if query.get("peekonly") == "true" else "GetMessages"
    else:
        name = {"POST": "PutMessage", "PUT": "UpdateMessage"}.get(
            method, "DeleteMessage" if "/" in below else "ClearMessages"
        )
    write = method in ("PUT", "POST", "DELETE") or name == "GetMessages"
    return Operation("queue", account, name, queue, queue, write=write)


def _table(account: str, method: str, rest: str, body: bytes) -> Operation:
    if rest == "$batch":
        return _transaction(account, body)
    if entity := _ENTITY.match(rest):
        name = _ENTITY_WRITES.get(method, "GetEntity")
        key = f"{entity[1]}({entity[2]},{entity[3]})".replace("''", "'")
        return Operation("table", account, name, entity[1], key, write=method in _ENTITY_WRITES)
    if named := _NAMED_TABLE.match(rest):
        return Operation(
            "table", account, f"{_verb(method)}Table", named[1], named[1], write=method == "DELETE"
        )
    if method == "POST":
        return _created(account, rest, body)
    table = "" if rest == "Tables" else rest.removesuffix("()")
    name = "QueryEntities" if table else "QueryTables"
    return Operation("table", account, name, table, table)


def _created(account: str, rest: str, body: bytes) -> Operation:
    if rest == "Tables":
        table = _property(body, b"TableName")
        return Operation("table", account, "CreateTable", table, table, write=True)
    key = f"{rest}({_property(body, b'PartitionKey')},{_property(body, b'RowKey')})"
    return Operation("table", account, "InsertEntity", rest, key, write=True)


def _transaction(account: str, body: bytes) -> Operation:
    table, rows = "", []
    for verb, target, content in _INNER.findall(body):
        path = unquote(_text(target).partition("?")[0])
        entity = _ENTITY.match(path)
        table = entity[1] if entity else path.removesuffix("()")
        key = entity[3] if entity else _property(content, b"RowKey")
        rows.append(f"{_text(verb)} {key}")
    resource = f"{table}({', '.join(rows)})"
    return Operation("table", account, "EntityGroupTransaction", table, resource, write=True)


def _property(body: bytes, name: bytes) -> str:
    found = re.search(rb'"' + name + rb'":\s*"([^"]*)"', body)
    return _text(found[1]) if found else ""


def _verb(method: str) -> str:
    return {"PUT": "Create", "POST": "Create", "DELETE": "Delete"}.get(method, "Get")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
