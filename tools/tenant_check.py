"""Asks a test tenant what no document says about Microsoft Graph: `python -m tools.tenant_check --domain contoso.com`.

It sends every read of the app once, and tells how Graph answers and which selected properties it leaves out. With
`--test-users` it also creates two users whose names begin with `tenant-check-`, changes their UPNs and immutable IDs,
revokes the sessions of one, and deletes both for good. It touches nothing else. The lines it prints hold neither names
nor ids, so that they can be reported as they are.

TENANT_CHECK_TOKEN is a token of the administrator who runs it (User Administrator), from `az account get-access-token`.
TENANT_CHECK_APP_TOKEN, which may be left out, is one of an application, best of one that has User.ReadWrite.All and
GroupMember.Read.All, but neither User.RevokeSessions.All nor Group.Read.All: what is asked with it shows whether
these are enough. Both come from the environment, so that they are in no shell history and no list of processes.
"""

import argparse
import base64
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from shared.outbound.retries import retry_after_seconds

GRAPH = "https://graph.microsoft.com/v1.0"
# Eventual consistency: Graph may answer 404 for a new user for a while.
TRIES, PAUSE = 10, 3.0
PREFIX = "tenant-check-"
# The app's own reads; a test compares them with all that it may send. `{user}` and `{group}` are found on the way.
READS = (
    "/domains?$select=id,authenticationType,isDefault,isInitial,isVerified&$top=999",
    "/organization?$select=id,displayName",
    "/users?$filter=endsWith(userPrincipalName,'@{domain}')&$count=true&$select=id,isManagementRestricted&$top=1",
    "/users?$filter=proxyAddresses/any(x:endsWith(x,'@{domain}'))&$count=true&$select=id,proxyAddresses&$top=1",
    "/users?$count=true&$select=id&$top=1",
    "/users/delta?$select=id,isManagementRestricted&$deltatoken=latest",
    "/users?$filter=startsWith(userPrincipalName,'sync-')&$select=id&$top=1",
    "/users?$filter=id in ('{user}')&$select=id",
    "/users?$filter=onPremisesImmutableId in ('none')&$select=id",
    "/users?$filter=userPrincipalName in ('none@{domain}')&$select=id",
    "/users?$filter=mail in ('none@{domain}')&$select=id",
    "/users?$filter=proxyAddresses/any(x:x eq 'smtp:none@{domain}')&$select=id",
    "/users?$filter=displayName in ('none')&$select=id",
    "/users?$filter=startsWith(displayName,'none')&$select=id&$top=1",
    "/users?$filter=mailNickname in ('none')&$select=id,mailNickname",
    "/users?$filter=onPremisesSyncEnabled eq true&$select=id&$top=1",
    "/users/{user}?$select=id,signInSessionsValidFromDateTime,isManagementRestricted",
    "/users/{user}/mailboxSettings?$select=userPurpose",
    "/directory/deletedItems/microsoft.graph.user?$select=id,proxyAddresses,deletedDateTime&$top=1",
    "/applications?$filter=identifierUris/any(x:startsWith(x,'api://{domain}'))&$select=id,identifierUris&$top=1",
    "/servicePrincipals(appId='65d022b7-10c7-479b-b101-06a73bb0c290')?$select=id",
    "/roleManagement/directory/roleAssignments?$expand=roleDefinition",
    "/roleManagement/directory/roleEligibilityScheduleInstances?$expand=roleDefinition",
    "/groups?$filter=proxyAddresses/any(x:endsWith(x,'@{domain}'))&$count=true&$select=id,proxyAddresses&$top=1",
    "/groups?$filter=proxyAddresses/any(x:x eq 'smtp:none@{domain}')&$select=id",
    "/groups?$filter=isAssignableToRole eq true&$select=id,displayName",
    "/groups/{group}/transitiveMembers?$select=id&$top=1",
    "/groups/{group}/owners?$select=id&$top=1",
    "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances?$filter=groupId eq '{group}'",
)


@dataclass
class Caller:
    """Who asks: the administrator or an application."""

    name: str
    token: str

    @property
    def may(self) -> str:
        """The permissions in the token's claims; empty if it is no JWT."""
        try:
            part = self.token.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        except (IndexError, ValueError):
            return ""
        return " ".join(sorted(claims.get("roles") or str(claims.get("scp", "")).split()))


@dataclass
class TenantCheck:
    """`say` gets each line; `known` fills the places in paths, and is taken out of Graph's messages."""

    http: httpx.Client
    say: Callable[[str], object]
    known: dict[str, str]
    pause: Callable[[float], object] = time.sleep
    created: dict[str, str] = field(default_factory=dict)
    """The UPN with which a user was created, and its id: empty if no answer told it."""

    def find_domains(self, caller: Caller) -> None:
        """Raises SystemExit if not even the domains can be read."""
        answer = self.send(caller, "GET", READS[0])
        if answer.status_code != 200:
            sys.exit(f"Graph answered {answer.status_code}: {answer.text[:500]}")
        domains = [domain for domain in answer.json()["value"] if domain["isVerified"]]
        federated = [domain["id"] for domain in domains if domain["authenticationType"] == "Federated"]
        self.known["managed"] = next(domain["id"] for domain in domains if domain["isInitial"])
        self.known |= dict(zip(("federated", "otherFederated"), federated, strict=False))

    def read(self, caller: Caller) -> None:
        """Every read, once."""
        self.say(f"\nRead as {caller.name}, who may: {caller.may or 'unknown'}")
        for path in READS:
            try:
                filled = path.format(**self.known)
            except KeyError as missing:
                self.say(f"not asked  {path}: the tenant has no {missing.args[0]} for it")
                continue
            answer = self.send(caller, "GET", filled)
            self.tell(f"GET {path}", answer)
            self._remember(path, answer)

    def try_out(self, caller: Caller, revoking: Caller) -> None:
        """What Graph does to users on a federated domain, with two of its own. Call `undo` afterwards."""
        managed, federated = self.known["managed"], self.known.get("federated")
        self.say(f"\nTried as {caller.name}, on {'a federated' if federated else 'a managed'} domain")
        first = self._create(caller, federated or managed, f"{PREFIX}{secrets.token_hex(8)}")
        if first:
            self._tell_sessions(caller, first, "after a create with a password")
            revoked = self.send(revoking, "POST", f"/users/{first}/revokeSignInSessions", {}, new=True)
            self.tell(
                f"revokeSignInSessions as {revoking.name}, who may: {revoking.may or 'unknown'}", revoked
            )
            self._tell_sessions(caller, first, "after revokeSignInSessions")
        if not federated:
            self.say("not asked  immutable IDs and UPNs on a federated domain: the tenant has none")
            return
        if first:
            self._patch(
                caller, first, "an immutable ID changed in place", onPremisesImmutableId="tenant-check"
            )
            if other := self.known.get("otherFederated"):
                self._rename(caller, first, "a UPN to another federated domain", other)
            else:
                self.say("not asked  a UPN to another federated domain: the tenant has none")
        if second := self._create(caller, managed, None):
            self._bring_without_an_id(caller, second, federated)

    def _bring_without_an_id(self, caller: Caller, user: str, federated: str) -> None:
        moved = self._rename(caller, user, "a UPN to a federated domain, without an immutable ID", federated)
        where = "in place" if moved else "on the onmicrosoft.com domain"
        name = f"{PREFIX}{secrets.token_hex(8)}"
        self._patch(caller, user, f"a first immutable ID, {where}", onPremisesImmutableId=name)
        if not moved:
            self._rename(caller, user, "a UPN to a federated domain, with an immutable ID", federated)

    def undo(self, caller: Caller) -> bool:
        """Deletes for good what `try_out` created; says and returns False if something is left."""
        left = [upn for upn, user in self.created.items() if not self._deleted(caller, user or upn)]
        delete = f"Left behind, please delete by hand: {', '.join(left)}"
        self.say(f"\n{delete}" if left else "\nEverything is undone.")
        return not left

    def _deleted(self, caller: Caller, user: str) -> bool:
        path = "/directory/deletedItems/{user}"
        try:
            found = self.send(caller, "GET", f"/users/{user}?$select=id", new=True)
            if found.status_code == 404:
                return True
            user = found.json()["id"]
            self.send(caller, "DELETE", f"/users/{user}", new=True)
            selecting = f"{path}?$select=id,proxyAddresses"
            self.tell(f"GET {selecting}", self.send(caller, "GET", selecting.format(user=user), new=True))
            return self.send(caller, "DELETE", path.format(user=user), new=True).status_code == 204
        except (httpx.HTTPError, KeyError) as error:
            self.say(f"no answer  ({type(error).__name__})")
            return False

    def send(
        self, caller: Caller, method: str, path: str, body: object = None, *, new: bool = False
    ) -> httpx.Response:
        """One request, sent again while Graph is busy, or while it doesn't know a `new` user yet.

        A create is not sent again after an answer that does not tell whether it took effect.
        """
        headers = {"Authorization": f"Bearer {caller.token}"}
        if "$count=true" in path:
            headers["ConsistencyLevel"] = "eventual"
        for attempt in range(TRIES):
            answer = self.http.request(method, path, headers=headers, json=body)
            busy = (429,) if path == "/users" else (429, 503, 504)
            again = answer.status_code in busy or (new and answer.status_code == 404)
            if not again or attempt == TRIES - 1:
                break
            self.pause(retry_after_seconds(answer.headers.get("Retry-After"), datetime.now(UTC)) or PAUSE)
        return answer

    def tell(self, question: str, answer: httpx.Response) -> None:
        self.say(f"{answer.status_code}  {question}{self._refusal(answer) or _left_out(question, answer)}")

    def _refusal(self, answer: httpx.Response) -> str:
        if answer.status_code < 400:
            return ""
        try:
            error = answer.json()["error"]
            text = f"{error['code']}: {error['message']}"
        except (ValueError, KeyError, TypeError):
            text = "not Graph's own answer"
        for name, value in sorted(self.known.items(), key=lambda pair: -len(pair[1])):
            text = text.replace(value, f"{{{name}}}")
        return f" -> {text}"

    def _remember(self, path: str, answer: httpx.Response) -> None:
        items = answer.json().get("value") if answer.status_code == 200 else None
        for name in ("user", "group"):
            if items and path.startswith(f"/{name}s?"):
                self.known.setdefault(name, items[0]["id"])

    def _create(self, caller: Caller, domain: str, immutable_id: str | None) -> str | None:
        name = f"{PREFIX}{secrets.token_hex(4)}"
        body = {
            "accountEnabled": False,
            "displayName": name,
            "mailNickname": name,
            "userPrincipalName": f"{name}@{domain}",
            "passwordProfile": {"password": secrets.token_urlsafe(24) + "aA1!"},
        }
        if immutable_id:
            body["onPremisesImmutableId"] = immutable_id
        self.known[f"name {len(self.known)}"] = name
        upn = str(body["userPrincipalName"])
        self.created[upn] = ""
        answer = self.send(caller, "POST", "/users", body)
        if answer.status_code != 201:
            self.tell("a test user is created", answer)
            if answer.status_code < 500:
                del self.created[upn]
            return None
        self.created[upn] = self.known[f"test user {len(self.created)}"] = user = str(answer.json()["id"])
        return user

    def _rename(self, caller: Caller, user: str, question: str, domain: str) -> bool:
        name = f"{PREFIX}{secrets.token_hex(4)}"
        self.known[f"name {len(self.known)}"] = name
        return self._patch(caller, user, question, userPrincipalName=f"{name}@{domain}")

    def _patch(self, caller: Caller, user: str, question: str, **changes: str) -> bool:
        answer = self.send(caller, "PATCH", f"/users/{user}", changes, new=True)
        self.tell(question, answer)
        return answer.status_code == 204

    def _tell_sessions(self, caller: Caller, user: str, moment: str) -> None:
        path = f"/users/{user}?$select=signInSessionsValidFromDateTime"
        answer = self.send(caller, "GET", path, new=True)
        value = answer.json().get("signInSessionsValidFromDateTime") if answer.status_code == 200 else None
        self.tell(f"signInSessionsValidFromDateTime {moment}: {'set' if value else 'null'}", answer)


def _left_out(question: str, answer: httpx.Response) -> str:
    """Which of the selected properties the first object of an answer does not have."""
    if answer.status_code != 200 or "$select=" not in question:
        return ""
    body: dict[str, Any] = answer.json()
    items = body.get("value", [body])
    if not items:
        return "  (nothing found)"
    selected = question.partition("$select=")[2].partition("&")[0].split(",")
    missing = [name for name in selected if name not in items[0]]
    return f"  (without {', '.join(missing)})" if missing else ""


def callers(environment: Mapping[str, str]) -> list[Caller]:
    """The administrator, and the application if there is one. Raises SystemExit without the administrator."""
    named = (("the administrator", "TENANT_CHECK_TOKEN"), ("an application", "TENANT_CHECK_APP_TOKEN"))
    found = [Caller(name, environment[variable]) for name, variable in named if environment.get(variable)]
    if not environment.get("TENANT_CHECK_TOKEN"):
        sys.exit("Set TENANT_CHECK_TOKEN to a token for Microsoft Graph, from `az account get-access-token`.")
    return found


def command_line() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.tenant_check", description=__doc__)
    parser.add_argument("--domain", required=True, help="a verified domain of a test tenant")
    parser.add_argument("--test-users", action="store_true", help="also create, change and delete two users")
    parser.add_argument("--graph", default=GRAPH, help=f"Graph's address; {GRAPH} if left out")
    return parser


def main() -> None:
    options = command_line().parse_args()
    asking = callers(os.environ)
    with httpx.Client(base_url=options.graph, timeout=60) as http:
        check = TenantCheck(http, print, {"domain": options.domain})
        check.find_domains(asking[0])
        for caller in asking:
            check.read(caller)
        undone = True
        if options.test_users:
            try:
                check.try_out(asking[0], asking[-1])
            except httpx.HTTPError as error:
                print(f"no answer  ({type(error).__name__})")
            finally:
                undone = check.undo(asking[0])
    print("\nPlease report these lines: they name nobody, and nothing of your tenant.")
    sys.exit(0 if undone else 1)


if __name__ == "__main__":
    main()
