"""What main.bicep does, through `az rest`, for tenants that don't allow Bicep's Microsoft Graph extension.

    grant.py permissions --identity IDENTITY_PRINCIPAL_ID
    grant.py sign-in --identity IDENTITY_PRINCIPAL_ID --host HOST_NAME [--administrator OBJECT_ID]
    grant.py role --host HOST_NAME --role Sync.Operator --to OBJECT_ID
    grant.py stop --identity IDENTITY_PRINCIPAL_ID

`role` gives one of the app's roles to a user, a group or a program (the object id of its service principal).
`stop` removes the permissions with which the app writes; `permissions` grants them again.

Needs only Python and an Azure CLI that is signed in (`az login --allow-no-subscriptions`): for permissions and stop as
Privileged Role Administrator, for sign-in as Cloud Application Administrator. Every command is idempotent.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
CONSENT = "openid profile email"
# Eventual consistency: a new registration may be unknown for some seconds.
NOT_THERE_YET = ("NoBackingApplicationObject", "Request_ResourceNotFound", "does not exist")
TRIES, PAUSE = 8, 5.0
# Entra's error if a deleted registration still holds the name. It does so for 30 days.
NAME_TAKEN = "property uniqueName already exists"
# An argument that every shell leaves as it is.
PLAIN = re.compile(r"[A-Za-z0-9_./:=-]+")
WRITING = ("User.ReadWrite.All", "User.DeleteRestore.All", "User.RevokeSessions.All")


class AzError(Exception):
    """An `az` command failed, after retries. The text is the command and the error output of az."""


def az(*arguments: str) -> str:
    """The output of an `az` command, stripped. Raises AzError if it fails."""
    program = shutil.which("az")
    if program is None:
        raise AzError("The Azure CLI (az) is not installed.")
    with tempfile.TemporaryDirectory() as folder:
        command = [program, *(_word(argument, Path(folder, str(n))) for n, argument in enumerate(arguments))]
        for attempt in range(1, TRIES + 1):
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - az only
            if done.returncode == 0:
                return done.stdout.strip()
            if attempt == TRIES or not any(words in done.stderr for words in NOT_THERE_YET):
                break
            time.sleep(PAUSE)
    raise AzError(f"az {' '.join(arguments[:5])}\n{done.stderr.strip()}")


def _word(argument: str, file: Path) -> str:
    """The argument, or `@file` for one that cmd.exe would read as something else: on Windows az is a batch file."""
    if PLAIN.fullmatch(argument):
        return argument
    file.write_bytes(argument.encode())
    return f"@{file.name}"


def cloud(endpoint: str) -> str:
    """The URL of an endpoint of the cloud that `az` is signed in to. Raises AzError."""
    return az("cloud", "show", "--query", f"endpoints.{endpoint}", "--output", "tsv").rstrip("/")


class Graph:
    """Microsoft Graph, called as the user who is signed in to `az`. Its methods raise AzError."""

    def __init__(self) -> None:
        self.address = cloud("microsoftGraphResourceId") + "/v1.0"

    def get(self, path: str) -> dict[str, Any]:
        return self._call("get", path)

    def post(self, path: str, body: dict[str, Any]) -> None:
        self._call("post", path, body)

    def delete(self, path: str) -> None:
        az("rest", "--method", "delete", "--url", self.address + path)

    def ensure(self, path: str, body: dict[str, Any]) -> None:
        """Creates the object that an alternate key in `path` names, or updates it."""
        self._call("patch", path, body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        arguments = ["rest", "--method", method, "--url", self.address + path]
        if body is not None:
            headers = ["Content-Type=application/json"]
            if method == "patch":
                headers.append("Prefer=create-if-missing")
            arguments += ["--headers", *headers, "--body", json.dumps(body)]
        return dict(json.loads(az(*arguments) or "{}"))


def grant_permissions(graph: Graph, identity: str) -> None:
    microsoft_graph = graph.get(f"/servicePrincipals(appId='{GRAPH_APP_ID}')?$select=id,appRoles")
    role_ids = {role["value"]: role["id"] for role in microsoft_graph["appRoles"]}
    assignments = f"/servicePrincipals/{identity}/appRoleAssignments"
    held = {assignment["appRoleId"] for assignment in graph.get(f"{assignments}?$top=999")["value"]}
    listed = [permission["name"] for permission in _listed("permissions.json")]
    for name in listed:
        if role_ids[name] not in held:
            graph.post(assignments, _assignment(identity, microsoft_graph["id"], role_ids[name]))
        _say(f"{name:30} {'was there' if role_ids[name] in held else 'granted'}")
    for name in sorted(name for name, role_id in role_ids.items() if role_id in held and name not in listed):
        _say(f"{name:30} is held, and the app does not need it")


def stop(graph: Graph, identity: str) -> None:
    """Removes the permissions with which the app writes: it can then change nothing in the tenant."""
    microsoft_graph = graph.get(f"/servicePrincipals(appId='{GRAPH_APP_ID}')?$select=id,appRoles")
    names = {role["id"]: role["value"] for role in microsoft_graph["appRoles"]}
    assignments = f"/servicePrincipals/{identity}/appRoleAssignments"
    for assignment in graph.get(f"{assignments}?$top=999")["value"]:
        name = names.get(assignment["appRoleId"])
        if name in WRITING:
            graph.delete(f"{assignments}/{assignment['id']}")
            _say(f"{name:30} taken away")
    _say("A token that the app holds already may work for up to a day. `permissions` gives them back.")


def set_up_sign_in(graph: Graph, identity: str, host: str, administrator: str | None) -> None:
    _register(graph, host)
    application = graph.get(f"/applications(uniqueName='{host}')?$select=id,appId")
    tenant = az("account", "show", "--query", "tenantId", "--output", "tsv")
    graph.ensure(
        f"/applications/{application['id']}/federatedIdentityCredentials(name='function-app')",
        {
            "description": "The managed identity of the function app",
            "issuer": f"{cloud('activeDirectory')}/{tenant}/v2.0",
            "subject": identity,
            "audiences": ["api://AzureADTokenExchange"],
        },
    )
    by_app_id = f"/servicePrincipals(appId='{application['appId']}')"
    # Entra then issues tokens only to users, groups and programs with a role.
    graph.ensure(by_app_id, {"appRoleAssignmentRequired": True})
    principal = graph.get(f"{by_app_id}?$select=id")["id"]
    _consent(graph, principal)
    if administrator:
        _give_role(graph, principal, "Sync.Administrator", administrator)
    _say(f"Client id of the app registration (SIGN_IN_CLIENT_ID): {application['appId']}")


def _register(graph: Graph, host: str) -> None:
    try:
        graph.ensure(f"/applications(uniqueName='{host}')", registration(host))
    except AzError as error:
        if NAME_TAKEN not in str(error):
            raise
        deleted = graph.get(
            "/directory/deletedItems/microsoft.graph.application?$select=id,uniqueName&$top=999"
        )
        ids = [app["id"] for app in deleted["value"] if app.get("uniqueName") == host] or ["ID"]
        commands = "\n".join(
            f"  az rest --method delete --url {graph.address}/directory/deletedItems/{id_}" for id_ in ids
        )
        raise AzError(
            f"The app registration of {host} was deleted, and holds its name for 30 days. Delete it for good, wait a "
            f"minute, and start this command again:\n{commands}"
        ) from error


def registration(host: str) -> dict[str, Any]:
    """The body of the app registration, the same as in sign-in.bicep. `host` is the app's host name."""
    members = {"isEnabled": True, "allowedMemberTypes": ["User", "Application"]}
    return {
        "displayName": f"HENNGE to Entra user sync ({host})",
        "signInAudience": "AzureADMyOrg",
        "api": {"requestedAccessTokenVersion": 2},
        "appRoles": [role | members for role in _listed("roles.json")],
        "web": {
            "redirectUris": [f"https://{host}/.auth/login/aad/callback"],
            "implicitGrantSettings": {"enableIdTokenIssuance": True},
        },
    }


def _consent(graph: Graph, principal: str) -> None:
    """Consents to sign-in for all users: they can't consent for themselves if assignment is required."""
    microsoft_graph = graph.get(f"/servicePrincipals(appId='{GRAPH_APP_ID}')?$select=id")["id"]
    for grant in graph.get(f"/servicePrincipals/{principal}/oauth2PermissionGrants")["value"]:
        if grant["resourceId"] == microsoft_graph and grant["consentType"] == "AllPrincipals":
            return
    grant = {"clientId": principal, "resourceId": microsoft_graph, "scope": CONSENT}
    graph.post("/oauth2PermissionGrants", {**grant, "consentType": "AllPrincipals"})


def give_role(graph: Graph, host: str, role: str, receiver: str) -> None:
    application = graph.get(f"/applications(uniqueName='{host}')?$select=appId")
    principal = graph.get(f"/servicePrincipals(appId='{application['appId']}')?$select=id")["id"]
    _give_role(graph, principal, role, receiver)
    _say(f"{receiver} has {role}")


def _give_role(graph: Graph, principal: str, role: str, receiver: str) -> None:
    role_id = next(listed["id"] for listed in _listed("roles.json") if listed["value"] == role)
    assigned = f"/servicePrincipals/{principal}/appRoleAssignedTo"
    for held in graph.get(f"{assigned}?$top=999")["value"]:
        if held["principalId"] == receiver and held["appRoleId"] == role_id:
            return
    graph.post(assigned, _assignment(receiver, principal, role_id))


def _assignment(principal: str, resource: str, role_id: str) -> dict[str, Any]:
    return {"principalId": principal, "resourceId": resource, "appRoleId": role_id}


def _listed(file: str) -> list[dict[str, Any]]:
    return list(json.loads((HERE / file).read_text(encoding="utf-8")))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def command_line() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("permissions", "stop", "sign-in"):
        command = commands.add_parser(name)
        command.add_argument("--identity", required=True, help="IDENTITY_PRINCIPAL_ID of the Azure half")
    command.add_argument("--host", required=True, help="HOST_NAME of the Azure half")
    command.add_argument("--administrator", help="object id of who gets Sync.Administrator")
    command = commands.add_parser("role")
    command.add_argument("--host", required=True, help="HOST_NAME of the Azure half")
    command.add_argument("--role", required=True, choices=[role["value"] for role in _listed("roles.json")])
    command.add_argument("--to", required=True, help="object id of who gets it")
    return parser


def main() -> None:
    given = command_line().parse_args()
    try:
        if given.command == "permissions":
            grant_permissions(Graph(), given.identity)
        elif given.command == "stop":
            stop(Graph(), given.identity)
        elif given.command == "role":
            give_role(Graph(), given.host, given.role, given.to)
        else:
            set_up_sign_in(Graph(), given.identity, given.host, given.administrator)
    except AzError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
