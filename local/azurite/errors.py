"""Error answers of the storage services: status, `x-ms-error-code`, and a body in XML or, for tables, JSON.

Codes, statuses and messages are from Microsoft's lists of common, Blob, Queue and Table service error codes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal
from uuid import uuid4
from xml.sax.saxutils import escape

from local.azurite.operations import Service

Code = Literal[
    "AuthorizationFailure",
    "AuthorizationPermissionMismatch",
    "BlobAlreadyExists",
    "BlobModifiedWhileReading",
    "ConditionNotMet",
    "ContainerBeingDeleted",
    "InternalError",
    "LeaseIdMissing",
    "OperationTimedOut",
    "QueueBeingDeleted",
    "ServerBusy",
    "TableBeingDeleted",
]
ERRORS: dict[Code, tuple[int, str]] = {
    "AuthorizationFailure": (403, "This request is not authorized to perform this operation."),
    "AuthorizationPermissionMismatch": (
        403,
        "This request is not authorized to perform this operation using this permission.",
    ),
    "BlobAlreadyExists": (409, "The specified blob already exists."),
    "BlobModifiedWhileReading": (409, "The blob has been modified while being read."),
    "ConditionNotMet": (412, "The condition specified using HTTP conditional header(s) is not met."),
    "ContainerBeingDeleted": (409, "The specified container is being deleted."),
    "InternalError": (500, "Server encountered an internal error. Please try again after some time."),
    "LeaseIdMissing": (
        412,
        "There is currently a lease on the blob and no lease ID was specified in the request.",
    ),
    "OperationTimedOut": (500, "Operation could not be completed within the specified time."),
    "QueueBeingDeleted": (409, "The specified queue is being deleted."),
    "ServerBusy": (503, "The server is busy."),
    "TableBeingDeleted": (409, "The specified table is being deleted."),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the caller; `headers` leaves out those that the connection sets."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def refusal(service: Service, code: Code) -> Answer:
    """The service's answer with this error code."""
    status, message = ERRORS[code]
    request_id, text = _identified(message)
    if service == "table":
        content, body = (
            "application/json;odata=minimalmetadata;streaming=true;charset=utf-8",
            _json(code, text),
        )
    else:
        content = "application/xml"
        body = f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code>'
        body += f"<Message>{escape(text)}</Message></Error>"
    return Answer(
        status, {**_common(request_id), "x-ms-error-code": code, "Content-Type": content}, body.encode()
    )


def gateway_refusal(status: int) -> Answer:
    """The answer of a gateway on the way, which knows no error codes."""
    return Answer(status, {"Content-Type": "text/plain"}, b"upstream request timeout")


def inner_refusal(code: Code) -> Answer:
    """202 Accepted for a table transaction that failed: its first operation was refused, nothing was done."""
    status, message = ERRORS[code]
    request_id, text = _identified(f"0:{message}")
    reason = {500: "Internal Server Error", 503: "Service Unavailable"}.get(status, "Conflict")
    batch, changeset = f"batchresponse_{uuid4()}", f"changesetresponse_{uuid4()}"
    lines = [
        f"--{batch}",
        f"Content-Type: multipart/mixed; boundary={changeset}",
        "",
        f"--{changeset}",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        f"HTTP/1.1 {status} {reason}",
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-cache",
        "DataServiceVersion: 3.0;",
        "Content-Type: application/json;odata=minimalmetadata;streaming=true;charset=utf-8",
        "",
        _json(code, text),
        f"--{changeset}--",
        f"--{batch}--",
        "",
    ]
    headers = {**_common(request_id), "Content-Type": f"multipart/mixed; boundary={batch}"}
    return Answer(202, headers, "\r\n".join(lines).encode())


def _identified(message: str) -> tuple[str, str]:
    request_id = str(uuid4())
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    return request_id, f"{message}\nRequestId:{request_id}\nTime:{now}"


def _common(request_id: str) -> dict[str, str]:
    return {
        "Server": "Windows-Azure-Storage/1.0",
        "x-ms-request-id": request_id,
        "x-ms-version": "2026-02-06",
        "Date": format_datetime(datetime.now(UTC), usegmt=True),
    }


def _json(code: str, message: str) -> str:
    return json.dumps({"odata.error": {"code": code, "message": {"lang": "en-US", "value": message}}})
