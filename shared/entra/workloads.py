"""Graph's workloads. Each has its own rate limits: a `Retry-After` applies only to the workload that sent it."""

from enum import StrEnum


class Workload(StrEnum):
    DIRECTORY_READS = "directory reads"
    DIRECTORY_WRITES = "directory writes"
    MAILBOXES = "mailboxes"
    ROLES = "roles"


_LIMITS = {
    "Read": frozenset({Workload.DIRECTORY_READS}),
    "Write": frozenset({Workload.DIRECTORY_WRITES}),
    "ReadWrite": frozenset({Workload.DIRECTORY_READS, Workload.DIRECTORY_WRITES}),
}


def workload(method: str, url: str) -> Workload:
    """The workload that answers a request, by its endpoint."""
    segments = url.partition("?")[0].split("/")
    if segments[-1] == "mailboxSettings":
        return Workload.MAILBOXES
    if "roleManagement" in segments or "identityGovernance" in segments:
        return Workload.ROLES
    return Workload.DIRECTORY_READS if method == "GET" else Workload.DIRECTORY_WRITES


def throttled_workloads(method: str, url: str, scope: str) -> frozenset[Workload]:
    """The workloads that a 429 applies to: by its `x-ms-throttle-scope`, which only the directory sends, else by URL.

    The header is `<Scope>/<Limit>/<ApplicationId>/<TenantId>` ("Microsoft Graph throttling limits").
    """
    limit = scope.split("/")[1] if "/" in scope else ""
    return _LIMITS.get(limit, frozenset({workload(method, url)}))
