"""What the platform itself sees goes to the workspace, and there no more of it is kept than somebody asks for."""

from datetime import UTC, datetime

import pytest

from tests.infra.bicep import INFRA, Expression, dig, read
from tests.infra.kql import result

NOW = datetime(2026, 8, 1, tzinfo=UTC)
BLOBS = "https://stabc.blob.core.windows.net"
# As the host writes it: src/WebJobs.Script.WebHost/Middleware/SystemTraceMiddleware.cs of Azure/azure-functions-host.
EXECUTED = """Executed HTTP request: {{
  "requestId": "9fb3e1c8",
  "method": "GET",
  "uri": "/api/domains",
  "identities": [],
  "status": {status},
  "duration": 2
}}"""


@pytest.mark.parametrize(
    ("uri", "kept"),
    [
        (f"{BLOBS}/audit-logs/contoso.com/run.csv?sv=2026-01-01&sig=XXXXX", True),
        (f"{BLOBS}:443/audit-logs/contoso.com/run.csv", True),
        (f"{BLOBS}/journal/contoso.com/run", True),
        (f"{BLOBS}/journal?restype=container&comp=list", True),
        (f"{BLOBS}/audit-logs", True),
        (f"{BLOBS}/links/contoso.com/audit-logs/x", False),
        (f"{BLOBS}/journals/x", False),
        (f"{BLOBS}/packages/released.zip", False),
        (f"{BLOBS}/?comp=list", False),
    ],
)
def test_of_the_reads_of_blobs_those_of_audit_logs_and_journals_are_kept(uri: str, kept: bool) -> None:
    assert bool(_kept("StorageBlobLogs", uri=uri)) is kept


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        (EXECUTED.format(status=401), True),
        (EXECUTED.format(status=403), True),
        (EXECUTED.format(status=200), False),
        (EXECUTED.format(status=404), False),
        ('{"event": "http.refused", "status": 401}', False),
        ("Executing HTTP request: {}", False),
    ],
)
def test_of_the_lines_of_the_host_its_refusals_are_kept(message: str, kept: bool) -> None:
    assert bool(_kept("FunctionAppLogs", message=message)) is kept


def test_every_transformation_is_of_the_table_that_its_file_is_named_after() -> None:
    files = sorted(path.stem for path in (INFRA / "transformations").iterdir())
    kept = read(INFRA / "monitoring.bicep").variables["kept"]
    assert kept == {name: Expression(f"loadTextContent('transformations/{name}.kql')") for name in files}


def test_the_workspace_knows_what_to_keep_before_anything_is_sent_to_it() -> None:
    monitoring = read(INFRA / "monitoring.bicep")
    last = monitoring.modules["transformedWorkspace"].body
    assert dig(last, "params", "transformationId") == Expression("transformation.id")
    assert monitoring.outputs["workspaceId"] == Expression("transformedWorkspace.outputs.id")


def test_nothing_but_reads_is_asked_of_the_blob_service() -> None:
    logs = dig(read(INFRA / "diagnostics.bicep").resources["reads"].body, "properties", "logs")
    assert logs == [{"category": "StorageRead", "enabled": True}]


def _kept(table: str, *, uri: str = "", message: str = "") -> list[dict[str, object]]:
    return result(INFRA / "transformations" / f"{table}.kql", NOW, source=[(uri, message)])
