"""The audit log, byte for byte, of a small plan that has something of everything."""

from datetime import UTC, datetime

from shared.model.runs import Run
from tests.support.stack import Stack, StartStack, in_entra, in_source

COLUMNS = (
    "runId,time,domain,mode,action,result,userPrincipalName,displayName,objectId,sourceId,attribute,before,after,"
    "reason,errorCode,errorMessage,requestId"
)
BABA, CHIBA, DOI, GUEST, KEPT = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(5))
DISABLED = "Disabled in the source: sign-in is blocked."
IN_ENTRA_ONLY = "In Entra only: the source has no such user. Never seen by a sync."


async def started(start_stack: StartStack) -> Stack:
    """One of each: an add, an update that clears a name, a rename, a block, a delete, a skip."""
    stack = await start_stack(
        settings={"SIGN_IN": "follow"},
        source=[
            in_source("aoki", display_name='青木, "花子"', given_name="=1+1"),
            in_source("baba", given_name="", status="disabled"),
            in_source("married", immutable_id="id1", display_name="Chiba 太郎", family_name="Chiba"),
            in_source("kept"),
        ],
        entra=[
            in_entra("baba", id=BABA),
            in_entra("chiba", id=CHIBA, onPremisesImmutableId="id1"),
            in_entra("doi", id=DOI, displayName="-Doi\r\n太郎"),
            in_entra("guest", id=GUEST, userType="Guest"),
            in_entra("kept", id=KEPT),
        ],
    )
    await stack.set(maxAllowedDeletions=50)
    return stack


def is_between(time: str, run: Run) -> bool:
    """Whether it is ISO 8601 in UTC to the millisecond, and within the run."""
    moment = datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return (
        run.started_at is not None
        and run.finished_at is not None
        and run.started_at <= moment <= run.finished_at
    )


def people(aoki: str) -> tuple[str, str, str, str]:
    """Whom the rows are about; `aoki` is the object id, which only a sync can know."""
    return (
        f'aoki@contoso.com,"青木, ""花子""",{aoki},aoki',
        f"baba@contoso.com,Baba 太郎,{BABA},baba",
        f"chiba@contoso.com,Chiba 太郎,{CHIBA},married",
        f'doi@contoso.com,"\'-Doi\r\n太郎",{DOI},',
    )


def file(run: Run, rows: list[dict[str, str]], lines: list[str]) -> bytes:
    """The whole file with these lines, each at the time that it says, which must be within the run."""
    times = [row["time"] for row in rows]
    assert all(is_between(time, run) for time in times)
    start = f"{run.id},{{}},contoso.com,{run.mode},"
    whole = [COLUMNS, *(start.format(time) + line for time, line in zip(times, lines, strict=True))]
    return "\ufeff".encode() + "".join(f"{line}\r\n" for line in whole).encode()


async def test_a_dry_runs_log(start_stack: StartStack) -> None:
    stack = await started(start_stack)

    run = await stack.dry_run()

    aoki, baba, chiba, doi = people(aoki="")
    lines = [
        f"rename,planned,{chiba},userPrincipalName,chiba@contoso.com,married@contoso.com,,,,",
        f"rename,planned,{chiba},mailNickname,chiba,married,,,,",
        f"update,planned,{baba},givenName,太郎,,,,,",
        f"add,planned,{aoki},userPrincipalName,,aoki@contoso.com,In the source only.,,,",
        f"add,planned,{aoki},mailNickname,,aoki,In the source only.,,,",
        f'add,planned,{aoki},displayName,,"青木, ""花子""",In the source only.,,,',
        f"add,planned,{aoki},givenName,,'=1+1,In the source only.,,,",
        f"add,planned,{aoki},surname,,Aoki,In the source only.,,,",
        f"add,planned,{aoki},accountEnabled,,true,In the source only.,,,",
        f"block,planned,{baba},accountEnabled,true,false,{DISABLED},,,",
        f"delete,planned,{doi},,,,{IN_ENTRA_ONLY},,,",
        f"skip,skipped,guest@contoso.com,Guest 太郎,{GUEST},,,,,Guest of the tenant.,,,",
    ]
    assert await stack.audit_log_bytes(run) == file(run, await stack.audit_log(run), lines)


async def test_a_syncs_log(start_stack: StartStack) -> None:
    stack = await started(start_stack)

    run = await stack.sync()

    aoki, baba, chiba, doi = people(aoki=stack.users()["aoki@contoso.com"]["id"])
    writes = [call for call in stack.entra.requests.calls if call.inner and call.method != "GET"]
    renamed, updated, added, blocked, deleted = (call.request_id for call in writes)
    lines = [
        f"skip,skipped,guest@contoso.com,Guest 太郎,{GUEST},,,,,Guest of the tenant.,,,",
        f"rename,succeeded,{chiba},userPrincipalName,chiba@contoso.com,married@contoso.com,,,,{renamed}",
        f"rename,succeeded,{chiba},mailNickname,chiba,married,,,,{renamed}",
        f"update,succeeded,{baba},givenName,太郎,,,,,{updated}",
        f"add,succeeded,{aoki},userPrincipalName,,aoki@contoso.com,In the source only.,,,{added}",
        f"add,succeeded,{aoki},mailNickname,,aoki,In the source only.,,,{added}",
        f'add,succeeded,{aoki},displayName,,"青木, ""花子""",In the source only.,,,{added}',
        f"add,succeeded,{aoki},givenName,,'=1+1,In the source only.,,,{added}",
        f"add,succeeded,{aoki},surname,,Aoki,In the source only.,,,{added}",
        f"add,succeeded,{aoki},accountEnabled,,true,In the source only.,,,{added}",
        f"block,succeeded,{baba},accountEnabled,true,false,{DISABLED},,,{blocked}",
        f"delete,succeeded,{doi},,,,{IN_ENTRA_ONLY},,,{deleted}",
    ]
    assert await stack.audit_log_bytes(run) == file(run, await stack.audit_log(run), lines)
