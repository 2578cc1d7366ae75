"""The parts of Graph that throttle each for itself: a `Retry-After` binds the one that sent it, and no other."""

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
    """Which part of Graph answers a request, by its endpoint."""
    segments = url.partition("?")[0].split("/")
    if segments[-1] == "mailboxSettings":
        return Workload.MAILBOXES
    if "roleManagement" in segments:
        return Workload.ROLES
    return Workload.DIRECTORY_READS if method == "GET" else Workload.DIRECTORY_WRITES


def throttled_workloads(method: str, url: str, scope: str) -> frozenset[Workload]:
    """Whom a 429 binds: by its `x-ms-throttle-scope`, which the directory alone sends, else by the endpoint.

    The header is `<Scope>/<Limit>/<ApplicationId>/<TenantId>` ("Microsoft Graph throttling limits").
    """
    limit = scope.split("/")[1] if "/" in scope else ""
    return _LIMITS.get(limit, frozenset({workload(method, url)}))
