"""docs/permissions.md and docs/deployment.md say what the templates and the code do, no more and no less."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.infra import azd
from tests.infra.bicep import INFRA, read
from tests.infra.documents import DOCS, steps
from tests.infra.graph_calls import NotUnderstood, graph_calls
from tests.infra.test_least_privilege import AZURE_ROLES

ROOT = INFRA.parent
PERMISSIONS = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
CODE = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in (ROOT / "shared").rglob("*.py")
}
DEPLOYMENT = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")


def test_every_graph_call_of_the_code_is_listed_and_no_other() -> None:
    assert graph_calls(CODE) == {(method, path) for method, path, _ in _listed_calls()}


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ('Request("PATCH", f"/groups/{segment(i)}", body)', ("PATCH", "/groups/{}")),
        ('services.graph.read("/me?$select=id")', ("GET", "/me")),
        ('NEW = "/groups"\nasync def f(graph): await graph.read_all(f"{NEW}/{i}")', ("GET", "/groups/{}")),
        ('def _path(i): return f"/teams/{i}"\nRequest("PUT", _path(1))', ("PUT", "/teams/{}")),
    ],
)
def test_a_call_is_found_wherever_and_however_it_is_made(code: str, call: tuple[str, str]) -> None:
    assert graph_calls({"shared/new.py": code}) == {call}


@pytest.mark.parametrize(
    "code",
    [
        'Request(method, "/groups")',
        'Request("POST", f"{somewhere}/groups")',
        'Request("POST", "/groups/" + i)',
        'Request("POST", path_of(i))',
        'graph.delete("/groups/1")',
        'client = services.graph\nclient.read("/groups")',
        'http.post(f"{base}/groups")',
        "def f(g: Graph): ...",
        "def read(graph, path): return graph.read(path)",
    ],
)
def test_a_call_that_can_not_be_followed_is_not_passed_over(code: str) -> None:
    with pytest.raises(NotUnderstood):
        graph_calls({"shared/new.py": code})


def test_every_graph_permission_is_needed_by_a_listed_call() -> None:
    granted = {
        p["name"] for p in json.loads((INFRA / "graph" / "permissions.json").read_text(encoding="utf-8"))
    }
    assert {name for _, _, names in _listed_calls() for name in names} == granted


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


def _listed_calls() -> Iterator[tuple[str, str, list[str]]]:
    for method, path, permissions in re.findall(
        r"^\| `([A-Z]+) (/\S+)` \| (.*?) \|", PERMISSIONS, re.MULTILINE
    ):
        yield method, re.sub(r"\{\w+\}", "{}", path), re.findall(r"`([\w.]+)`", permissions)
