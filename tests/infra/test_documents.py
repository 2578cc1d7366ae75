"""docs/permissions.md and docs/deployment.md say what the templates and the code do, no more and no less."""

import ast
import json
import re
from collections.abc import Iterator

from tests.infra.bicep import INFRA, read
from tests.infra.test_least_privilege import AZURE_ROLES

ROOT = INFRA.parent
PERMISSIONS = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
DEPLOYMENT = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")


def test_every_graph_call_of_the_code_is_listed_and_no_other() -> None:
    listed = {path for _, path, _ in _listed_calls()}
    calls = set(_calls_of_the_code())
    assert {call for call in calls if not any(_is_of(path, call) for path in listed)} == set()
    assert {path for path in listed if not any(_is_of(path, call) for call in calls)} == set()


def test_writes_are_listed_with_their_methods() -> None:
    listed = {(method, path) for method, path, _ in _listed_calls()}
    assert {call for call in listed if call[0] != "GET"} == {
        ("POST", "/users"),
        ("PATCH", "/users/{}"),
        ("DELETE", "/users/{}"),
        ("POST", "/directory/deletedItems/{}/restore"),
        ("POST", "/$batch"),
    }


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
    template = read(INFRA / "main.bicep").parameters
    given = json.loads((INFRA / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    assert set(rows) == set(template) - {"environmentName", "location"}
    for name, (variable, default) in rows.items():
        assert given[name]["value"].strip("${}").partition("=")[0] == variable
        if template[name].required:
            assert default == "asked for"
        elif template[name].default not in (None, ""):
            assert default == f"`{str(template[name].default).replace('True', 'true')}`"


def test_every_alert_is_documented() -> None:
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", DEPLOYMENT, re.MULTILINE))
    assert documented == {path.stem for path in (INFRA / "alerts").glob("*.kql")}


def test_what_the_documents_point_at_exists() -> None:
    for path in re.findall(r"(?:infra|docs|\.github)/[\w./-]+\.\w+", PERMISSIONS + DEPLOYMENT):
        assert (ROOT / path).is_file(), path
    for output in re.findall(r"azd env get-value (\w+)", DEPLOYMENT):
        assert output in read(INFRA / "main.bicep").outputs


def test_the_repository_says_that_nothing_is_deployed_in_tests() -> None:
    assert "No deployment to Azure is part of the tests" in DEPLOYMENT


def _listed_calls() -> Iterator[tuple[str, str, list[str]]]:
    for method, path, permissions in re.findall(
        r"^\| `([A-Z]+) (/\S+)` \| (.*?) \|", PERMISSIONS, re.MULTILINE
    ):
        yield method, re.sub(r"\{\w+\}", "{}", path), re.findall(r"`([\w.]+)`", permissions)


def _is_of(path: str, call: str) -> bool:
    """Whether a call of the code, with what is filled in as `{}`, may be one of this path."""
    return re.fullmatch(re.escape(call).replace(r"\{\}", "[^/]+"), path) is not None


def _calls_of_the_code() -> Iterator[str]:
    """Every path that shared/entra writes down, without its query; what is filled in is `{}`."""
    for file in (ROOT / "shared" / "entra").glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        parts = {
            id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
        }
        for node in ast.walk(tree):
            path = _text(node).partition("?")[0]
            # The last is no path but the end of one, by which a restore is told from other calls.
            if path.startswith("/") and len(path) > 1 and id(node) not in parts and path != "/restore":
                yield path


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
