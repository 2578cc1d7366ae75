"""Which role may call which endpoint: a table for docs/security.md, made from the endpoints that enforce it."""

from collections.abc import Iterator

from shared.http.endpoint import AnyEndpoint
from shared.http.endpoints import ENDPOINTS
from shared.http.principal import Role

YES = "yes"
HEADER = (
    "Endpoint",
    "keys: no key",
    "keys: key",
    "entra: nobody",
    "entra: no role",
    *(f"entra: {role.value}" for role in Role),
)


def roles_table() -> Iterator[str]:
    """Markdown lines; a cell is `yes` or the HTTP status of the refusal."""
    yield f"| {' | '.join(HEADER)} |"
    yield "|---" * len(HEADER) + "|"
    for endpoint in ENDPOINTS:
        yield f"| `{endpoint.method} /api/{endpoint.path}` | {' | '.join(_cells(endpoint))} |"


def _cells(endpoint: AnyEndpoint) -> Iterator[str]:
    if endpoint.role is None:
        yield from [YES] * (len(HEADER) - 1)
        return
    yield from ("401", YES, "401", "403")
    for role in Role:
        yield YES if role in endpoint.role.granted_by else "403"
