"""The errors of Microsoft Graph, each with the status, code and details that a client sees."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Json = dict[str, object]
# Which requests a limit counts, in the words of x-ms-throttle-scope.
ThrottleLimit = Literal["Read", "Write", "ReadWrite"]
_APP_AND_TENANT = "9a3d526c-b3c1-4479-ba74-197b5c5751ae/0785ef7c-2d7a-4542-b048-95bcab406e0b"


@dataclass(eq=False)
class GraphError(Exception):
    """An error answer. Handlers raise it; `dispatch.finish` turns it into a response."""

    status: int
    code: str
    message: str
    details: list[Json] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, request_id: str, client_request_id: str, now: datetime) -> Json:
        error: Json = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = self.details
        error["innerError"] = {
            "date": now.strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": client_request_id,
        }
        return {"error": error}


class ConnectionDropped(Exception):
    """Raised to close the caller's connection without an answer."""


def bad_request(message: str) -> GraphError:
    return GraphError(400, "Request_BadRequest", message)


def unsupported_query(message: str) -> GraphError:
    return GraphError(400, "Request_UnsupportedQuery", message)


def invalid_value(target: str, message: str | None = None, *, resource: str = "User") -> GraphError:
    message = message or f"Invalid value specified for property '{target}' of resource '{resource}'."
    return GraphError(400, "Request_BadRequest", message, [_detail("InvalidValue", message, target)])


def object_conflict(target: str, holder: str | None = None) -> GraphError:
    """`holder`: the object in the way, which Graph names for addresses (microsoft-graph-docs-contrib#8421)."""
    message = f"Another object with the same value for property {target} already exists."
    details = [_detail("ObjectConflict", message, target)]
    if holder:
        details.append(_detail("ConflictingObjects", message, holder))
    return GraphError(400, "Request_BadRequest", message, details)


def mastered_on_premises() -> GraphError:
    return bad_request(
        "Unable to update the specified properties for on-premises mastered Directory Sync objects "
        "or objects currently undergoing migration."
    )


def mastered_in_exchange() -> GraphError:
    """For users who once came from Active Directory (microsoftgraph/microsoft-graph-docs-contrib#3564)."""
    return bad_request(
        "Unable to update the specified properties for objects that have originated within an external service."
    )


def request_denied() -> GraphError:
    return GraphError(
        403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
    )


def quota_exceeded() -> GraphError:
    return GraphError(
        403,
        "Directory_QuotaExceeded",
        "The directory object quota limit for the Tenant has been exceeded. "
        "Please ask your administrator to increase the quota limit or delete objects "
        "to reduce the used quota.",
    )


def not_found(resource: str) -> GraphError:
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{resource}' does not exist or one of its queried reference-property objects "
        "are not present.",
    )


def method_not_allowed() -> GraphError:
    return GraphError(
        405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."
    )


def no_mailbox() -> GraphError:
    return GraphError(
        404,
        "MailboxNotEnabledForRESTAPI",
        "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    )


def no_exchange_online() -> GraphError:
    """For a tenant without Exchange Online, as reported for calls to calendars."""
    return GraphError(
        401,
        "OrganizationFromTenantGuidNotFound",
        "The tenant for tenant guid does not exist.",
    )


def no_premium() -> GraphError:
    return GraphError(
        400,
        "AadPremiumLicenseRequired",
        "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.",
    )


def throttled(retry_after: str | None, limit: ThrottleLimit | None = None) -> GraphError:
    """`limit` goes into x-ms-throttle-scope. Only the directory names its limits; Exchange does not.

    https://learn.microsoft.com/graph/throttling-limits, "Throttled responses requests"
    """
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    if limit is not None:
        headers["x-ms-throttle-scope"] = f"Tenant_Application/{limit}/{_APP_AND_TENANT}"
    return GraphError(429, "TooManyRequests", "Too many requests.", headers=headers)


def _detail(code: str, message: str, target: str) -> Json:
    return {"code": code, "message": message, "target": target}
