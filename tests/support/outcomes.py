"""The results of a run for the safety scenarios: each person's action, result and error."""

import json
from collections.abc import Mapping

from local.processes import REPOSITORY
from shared.model.runs import Run
from tests.support.stack import CONTOSO, Json, Stack

Row = dict[str, str]
GRANTED = REPOSITORY / "infra" / "graph" / "permissions.json"
# With a limit of 100 percent and one user who stays, only the rule under test prevents a deletion.
ANY_DELETION = 100
FABRIKAM = "fabrikam.com"
TWO_DOMAINS = ({"id": CONTOSO, "isDefault": True}, {"id": FABRIKAM})


async def rows_of(stack: Stack, run: Run) -> dict[str, Row]:
    """Each person's first row in the audit log, by the local part of their UPN."""
    rows: dict[str, Row] = {}
    for row in await stack.audit_log(run):
        rows.setdefault(row["userPrincipalName"].partition("@")[0], row)
    return rows


async def treated(stack: Stack, run: Run) -> dict[str, tuple[str, str]]:
    """(action, result) of each person in the audit log, by the local part of their UPN."""
    return {name: (row["action"], row["result"]) for name, row in (await rows_of(stack, run)).items()}


async def errors_of(stack: Stack, run: Run) -> dict[str, str]:
    """The error code of each person who failed or would fail, by the local part of their UPN."""
    return {name: row["errorCode"] for name, row in (await rows_of(stack, run)).items() if row["errorCode"]}


async def approved_sync(stack: Stack, dry_run: Run, **approve: object) -> Run:
    """Runs a sync that approves the deletions of that dry run, or what `approve` says, to its end."""
    order = {"approve": {"dryRunId": dry_run.id, **approve}}
    answer = await stack.post(f"domains/{dry_run.domain}/sync", order)
    assert answer.status_code == 202, answer.text
    return await stack.finished(Run.model_validate(answer.json()))


async def undone(stack: Stack, sync: Run, **order: bool) -> Run:
    """Undoes a sync and returns the finished run; `order` are fields of the API's request."""
    answer = await stack.post(f"domains/{sync.domain}/runs/{sync.id}/undo", order)
    assert answer.status_code == 202, answer.text
    return await stack.finished(Run.model_validate(answer.json()))


def names(users: Mapping[str, Json]) -> set[str]:
    """The local parts of these UPNs."""
    return {upn.partition("@")[0] for upn in users}


def object_id(stack: Stack, name: str, domain: str = CONTOSO) -> str:
    return str(stack.users(domain)[f"{name}@{domain}"]["id"])


def all_permissions_but(missing: str) -> list[str]:
    """The app's Graph permissions in Azure without one."""
    granted = {permission["name"] for permission in json.loads(GRANTED.read_bytes())}
    assert missing in granted
    return sorted(granted - {missing})
