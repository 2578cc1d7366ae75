"""Checkov passes on infra/. Its parser is its own and silent where it fails, so what it did not read counts too."""

from pathlib import Path

import pytest

from tests.infra.bicep import INFRA, TEMPLATES, read
from tests.infra.checkov import Report, scan

PUBLIC_AND_PLAIN = """
resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: 'planted'
  location: 'japaneast'
  kind: 'StorageV2'
  sku: { name: 'Standard_ZRS' }
  properties: {
    allowBlobPublicAccess: true
    minimumTlsVersion: 'TLS1_0'
    supportsHttpsTrafficOnly: false
  }
}
"""

# The first of them makes checkov's environment if nobody has: over a slow network that takes minutes.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def report() -> Report:
    return scan(INFRA)


def test_nothing_is_found_that_is_not_justified(report: Report) -> None:
    assert report.failed == []


def test_every_skip_says_why(report: Report) -> None:
    assert all(len(finding.reason) > 20 for finding in report.skipped)


def test_no_skip_is_left_over(report: Report) -> None:
    written = sum(path.read_text(encoding="utf-8").count("checkov:skip=") for path in TEMPLATES)
    assert len(report.skipped) == written


def test_it_reads_every_template_but_those_of_the_graph_extension(report: Report) -> None:
    """Newer Bicep than it knows, and made of resources that it has no checks for."""
    assert report.unreadable == [path for path in TEMPLATES if read(path).extensions]
    assert report.passed


def test_it_finds_a_planted_fault(tmp_path: Path) -> None:
    (tmp_path / "planted.bicep").write_text(PUBLIC_AND_PLAIN)
    found = {finding.check for finding in scan(tmp_path).failed}
    assert {"CKV_AZURE_3", "CKV_AZURE_44"} <= found
