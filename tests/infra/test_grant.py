"""grant.py against an `az` of its own that keeps a small directory: what it asks for, and that it may be repeated.

Whether Entra ID accepts it is not tested; what it sends is compared with the Bicep templates it stands in for.
"""

import json
import os
import re
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.graph import grant
from tests.infra.bicep import INFRA, Expression, Value, dig, read
from tests.support.graph_contract import lines

IDENTITY = "11111111-0000-0000-0000-000000000001"
HOST = "func-contoso.azurewebsites.net"
ADMINISTRATOR = "22222222-0000-0000-0000-000000000002"
GRAPH_FOLDER = INFRA / "graph"

AZ = f'''#!{sys.executable}
"""Answers the few `az` commands that grant.py gives, and remembers what it was told."""
import json, sys
from pathlib import Path
sys.path.insert(0, {str(INFRA.parent)!r})
from tests.infra.az_cmd import arguments

state_file, log_file = Path(__file__).with_name("state.json"), Path(__file__).with_name("log.jsonl")
state = json.loads(state_file.read_text()) if state_file.exists() else {{"made": [], "assigned": [], "consent": []}}
words = arguments(sys.argv[1:])


def option(name):
    return words[words.index(name) + 1] if name in words else ""


def rest(method, url, body):
    with log_file.open("a") as log:
        log.write(json.dumps({{"method": method, "url": url, "body": body, "words": words}}) + "\\n")
    path = url.removeprefix("https://graph.example/v1.0").partition("?")[0]
    if method == "patch":
        if path.startswith("/applications(") and state.get("deleted"):
            sys.exit("Bad Request: Another object with the same value for property uniqueName already exists.")
        state["made"].append(path)
    elif method == "post":
        kind = "consent" if path == "/oauth2PermissionGrants" else "assigned"
        state[kind].append({{**body, "id": f"{{kind}}-{{len(state[kind])}}"}})
    elif method == "delete":
        kind, number = path.rpartition("/")[2].split("-")
        state[kind] = [item for item in state[kind] if item["id"] != f"{{kind}}-{{number}}"]
    elif path == "/directory/deletedItems/microsoft.graph.application":
        return {{"value": state["deleted"]}}
    elif "00000003-0000-0000-c000-000000000000" in path:
        names = [p["name"] for p in json.loads(Path({str(GRAPH_FOLDER / "permissions.json")!r}).read_text())]
        return {{"id": "graph", "appRoles": [{{"id": "id of " + n, "value": n}} for n in [*names, "Mail.Send"]]}}
    elif path.endswith(("/appRoleAssignments", "/appRoleAssignedTo")):
        return {{"value": state["assigned"]}}
    elif path.endswith("/oauth2PermissionGrants"):
        return {{"value": state["consent"]}}
    elif path.startswith("/applications(") and path in state["made"]:
        return {{"id": "application", "appId": "client-id"}}
    elif path.startswith("/servicePrincipals(") and path in state["made"]:
        return {{"id": "principal"}}
    else:
        sys.exit("Request_BadRequest " + path)


if words[:2] == ["cloud", "show"]:
    print({{"endpoints.microsoftGraphResourceId": "https://graph.example/"}}.get(option("--query"), "https://login.example"))
elif words[:2] == ["account", "show"]:
    print("tenant")
else:
    body = option("--body")
    answer = rest(option("--method"), option("--url"), json.loads(body) if body else None)
    state_file.write_text(json.dumps(state))
    if answer is not None:
        print(json.dumps(answer))
'''


@dataclass
class Entra:
    folder: Path

    def grant(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": str(self.folder)}
        command = [sys.executable, str(GRAPH_FOLDER / "grant.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603

    def held(self) -> set[str]:
        """The permissions that the identity holds."""
        state = json.loads((self.folder / "state.json").read_text())
        return {assignment["appRoleId"].removeprefix("id of ") for assignment in state["assigned"]}

    def holds_already(self, permission: str) -> None:
        assigned = [{"id": "assigned-0", "appRoleId": f"id of {permission}"}]
        (self.folder / "state.json").write_text(json.dumps({"made": [], "assigned": assigned, "consent": []}))

    def deleted_already(self, *registrations: dict[str, str]) -> None:
        state = {"made": [], "assigned": [], "consent": [], "deleted": registrations}
        (self.folder / "state.json").write_text(json.dumps(state))

    def sent(self, method: str, path: str = "") -> list[dict[str, Any]]:
        log = (self.folder / "log.jsonl").read_text().splitlines()
        calls = [json.loads(line) for line in log]
        return [call["body"] for call in calls if call["method"] == method and path in call["url"]]


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    """A folder with an `az` that prints its arguments."""
    az = tmp_path / "az"
    az.write_text(
        f"#!{sys.executable}\nimport json, sys\nsys.path.insert(0, {str(INFRA.parent)!r})\n"
        "from tests.infra.az_cmd import arguments\nprint(json.dumps(arguments(sys.argv[1:])))\n"
    )
    az.chmod(az.stat().st_mode | stat.S_IXUSR)
    return tmp_path


@pytest.fixture
def entra(tmp_path: Path) -> Entra:
    az = tmp_path / "az"
    az.write_text(AZ)
    az.chmod(az.stat().st_mode | stat.S_IXUSR)
    return Entra(tmp_path)


ARGUMENTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=20).map(
    lambda text: text.rstrip("\r\n")
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        ARGUMENTS | st.sampled_from(['{"a": "b c"}', "a(b='c')?$d=e&f", "%PATH%", '"', "@f", "a=@f", ""])
    )
)
def test_every_argument_arrives_also_through_a_batch_file(
    echo: Path, monkeypatch: pytest.MonkeyPatch, given_arguments: list[str]
) -> None:
    monkeypatch.setenv("PATH", str(echo))
    assert json.loads(grant.az(*given_arguments)) == given_arguments


def test_it_grants_the_listed_permissions_and_no_other(entra: Entra) -> None:
    entra.grant("permissions", "--identity", IDENTITY)
    listed = json.loads((GRAPH_FOLDER / "permissions.json").read_text())
    assert entra.sent("post") == [
        {"principalId": IDENTITY, "resourceId": "graph", "appRoleId": f"id of {permission['name']}"}
        for permission in listed
    ]


def test_granting_again_changes_nothing(entra: Entra) -> None:
    entra.grant("permissions", "--identity", IDENTITY)
    before = len(entra.sent("post"))
    assert "was there" in entra.grant("permissions", "--identity", IDENTITY)
    assert len(entra.sent("post")) == before


def test_what_an_earlier_version_needed_is_told_and_stays(entra: Entra) -> None:
    entra.holds_already("Mail.Send")
    printed = entra.grant("permissions", "--identity", IDENTITY)
    assert re.findall(r"(\S+) +is held, and the app does not need it", printed) == ["Mail.Send"]
    assert "Mail.Send" in entra.held()


def test_it_makes_the_registration_that_the_template_makes(entra: Entra) -> None:
    printed = entra.grant("sign-in", "--identity", IDENTITY, "--host", HOST)
    (sent,) = entra.sent("patch", "/applications(uniqueName=")
    template = read(GRAPH_FOLDER / "sign-in.bicep").resources["registration"].body
    assert set(sent) | {"uniqueName"} == set(template)
    for name in ("displayName", "signInAudience", "api", "web"):
        assert sent[name] == _with_host(template[name]), name
    assert [role["value"] for role in sent["appRoles"]] == [
        "Sync.Reader",
        "Sync.Operator",
        "Sync.Administrator",
    ]
    assert all(
        role["allowedMemberTypes"] == ["User", "Application"] and role["isEnabled"]
        for role in sent["appRoles"]
    )
    assert "client-id" in printed


def test_the_identity_vouches_for_the_registration(entra: Entra) -> None:
    entra.grant("sign-in", "--identity", IDENTITY, "--host", HOST)
    (sent,) = entra.sent("patch", "federatedIdentityCredentials(name='function-app')")
    template = read(GRAPH_FOLDER / "sign-in.bicep").resources["credential"].body
    assert sent["subject"] == IDENTITY
    assert sent["issuer"] == "https://login.example/tenant/v2.0"
    assert sent["audiences"] == template["audiences"]
    assert sent["description"] == template["description"]


def test_only_those_with_a_role_get_a_token(entra: Entra) -> None:
    entra.grant("sign-in", "--identity", IDENTITY, "--host", HOST)
    assert entra.sent("patch", "/servicePrincipals(appId=") == [{"appRoleAssignmentRequired": True}]
    (consent,) = entra.sent("post", "/oauth2PermissionGrants")
    template = read(GRAPH_FOLDER / "sign-in.bicep").resources["consent"].body
    assert (consent["scope"], consent["consentType"]) == (
        dig(template, "scope"),
        dig(template, "consentType"),
    )


def test_the_administrator_gets_the_role_once(entra: Entra) -> None:
    arguments = ("sign-in", "--identity", IDENTITY, "--host", HOST, "--administrator", ADMINISTRATOR)
    entra.grant(*arguments)
    entra.grant(*arguments)
    roles = {role["value"]: role["id"] for role in json.loads((GRAPH_FOLDER / "roles.json").read_text())}
    expected = {
        "principalId": ADMINISTRATOR,
        "resourceId": "principal",
        "appRoleId": roles["Sync.Administrator"],
    }
    assert entra.sent("post", "appRoleAssignedTo") == [expected]
    assert len(entra.sent("post", "/oauth2PermissionGrants")) == 1


def test_a_program_gets_a_role_once(entra: Entra) -> None:
    entra.grant("sign-in", "--identity", IDENTITY, "--host", HOST)
    for _ in range(2):
        assert "has Sync.Operator" in entra.grant(
            "role", "--host", HOST, "--role", "Sync.Operator", "--to", ADMINISTRATOR
        )
    roles = {role["value"]: role["id"] for role in json.loads((GRAPH_FOLDER / "roles.json").read_text())}
    (sent,) = entra.sent("post", "appRoleAssignedTo")
    assert (sent["principalId"], sent["appRoleId"]) == (ADMINISTRATOR, roles["Sync.Operator"])


def test_stop_takes_away_what_the_app_writes_with_and_nothing_else(entra: Entra) -> None:
    entra.grant("permissions", "--identity", IDENTITY)
    all_permissions = entra.held()
    printed = entra.grant("stop", "--identity", IDENTITY)
    writing = {line.granted for line in lines() if line.kind.method != "GET"} - {""}
    assert all_permissions - entra.held() == writing
    assert printed.count("taken away") == len(writing)
    assert "up to a day" in printed


def test_stop_may_be_repeated_and_permissions_gives_everything_back(entra: Entra) -> None:
    entra.grant("permissions", "--identity", IDENTITY)
    all_permissions = entra.held()
    entra.grant("stop", "--identity", IDENTITY)
    assert "taken away" not in entra.grant("stop", "--identity", IDENTITY)
    entra.grant("permissions", "--identity", IDENTITY)
    assert entra.held() == all_permissions


@pytest.mark.parametrize(
    ("deleted", "named"),
    [
        ([{"id": "other", "uniqueName": "other"}, {"id": "old", "uniqueName": HOST}], "old"),
        ([{"id": "other", "uniqueName": "other"}], "ID"),
    ],
    ids=["Entra tells which", "it does not"],
)
def test_a_name_that_a_deleted_registration_holds_is_told_with_what_to_do(
    entra: Entra, deleted: list[dict[str, str]], named: str
) -> None:
    entra.deleted_already(*deleted)
    done = entra.run("sign-in", "--identity", IDENTITY, "--host", HOST)
    assert done.returncode == 1
    assert "holds its name for 30 days" in done.stderr
    assert (
        f"az rest --method delete --url https://graph.example/v1.0/directory/deletedItems/{named}\n"
        in done.stderr
    )


def test_without_az_it_says_so() -> None:
    without_az = subprocess.run(  # noqa: S603
        [sys.executable, str(GRAPH_FOLDER / "grant.py"), "stop", "--identity", IDENTITY],
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert without_az.returncode == 1
    assert "az) is not installed" in without_az.stderr


def _with_host(value: Value) -> Any:
    """A value of the template with the one name in it filled in."""
    if isinstance(value, dict):
        return {key: _with_host(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_host(item) for item in value]
    return value.text.strip("'").replace("${hostName}", HOST) if isinstance(value, Expression) else value
