"""docs/permissions.md and docs/deployment.md say what the templates and the code do, no more and no less."""

import json
import re

from tests.infra import azd
from tests.infra.bicep import INFRA, read
from tests.infra.documents import DOCS, steps
from tests.infra.test_least_privilege import AZURE_ROLES
from tests.support.graph_contract import lines

ROOT = INFRA.parent
PERMISSIONS = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
DEPLOYMENT = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")


def test_every_request_that_may_be_sent_is_listed_with_its_permission_and_no_other() -> None:
    assert set(_listed_calls()) == {(line.kind.method, line.kind.path, line.granted) for line in lines()}


def test_every_graph_permission_is_needed_by_a_listed_call() -> None:
    granted = {
        p["name"] for p in json.loads((INFRA / "graph" / "permissions.json").read_text(encoding="utf-8"))
    }
    assert {permission for _, _, permission in _listed_calls()} - {""} == granted


def test_every_azure_role_is_listed_and_no_other() -> None:
    section = PERMISSIONS.partition("\n## Azure\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\w[\w ]+) \| ", section, re.MULTILINE)
    assert set(rows) - {"Role"} == set(AZURE_ROLES)


def test_every_app_role_is_listed() -> None:
    roles = json.loads((INFRA / "graph" / "roles.json").read_text(encoding="utf-8"))
    assert re.findall(r"^\| `(Sync\.\w+)`", PERMISSIONS, re.MULTILINE) == [role["value"] for role in roles]


def test_every_parameter_is_documented_with_its_variable_and_default() -> None:
    rows = {
        parameter: (variable, default)
        for variable, parameter, default in re.findall(
            r"^\| `(\w+)` \| `(\w+)` \| (.*?) \|", DEPLOYMENT, re.MULTILINE
        )
    }
    given = azd.given()
    assert set(rows) == set(given) - {"environmentName", "location"}
    for name, (variable, default) in rows.items():
        assert given[name].variable == variable
        if given[name].default not in ("", "{}"):
            assert default == f"`{given[name].default}`"


def test_every_alert_is_documented() -> None:
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", DEPLOYMENT, re.MULTILINE))
    assert documented == {path.stem for path in (INFRA / "alerts").glob("*.kql")}


def test_what_the_documents_point_at_exists() -> None:
    for path in re.findall(r"(?:infra|docs|\.github)/[\w./-]+\.\w+", PERMISSIONS + DEPLOYMENT):
        assert (ROOT / path).is_file(), path
    for output in re.findall(r"azd env get-value (\w+)", DEPLOYMENT):
        assert output in read(INFRA / "main.bicep").outputs


def test_a_secret_comes_from_the_environment_and_stands_in_no_command() -> None:
    """Nor in a list of processes, a history or a file."""
    commands = "\n".join(step.bash + step.powershell for step in steps(DOCS / "deployment.md"))
    assert "read -rs HENNGE_CLIENT_SECRET" in commands
    for name in (azd.given()[parameter].variable for parameter in azd.SECRETS):
        assert not re.search(rf"{name}[= ]+(?![= ]|&&|#|Read-Host)\S", commands), name
        assert re.search(rf"Never `azd env set`[^.]*`{name}`|never by `azd env set`", DEPLOYMENT)


def test_the_repository_says_that_nothing_is_deployed_in_tests() -> None:
    assert "No deployment to Azure is part of the tests" in DEPLOYMENT


def _listed_calls() -> list[tuple[str, str, str]]:
    return re.findall(r"^\| `([A-Z]+) (/\S+)` \| `?([\w.]*)`? ?\|", PERMISSIONS, re.MULTILINE)
