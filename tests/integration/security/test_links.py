"""A link to an audit log reads one blob, for an hour at most, and no longer than the log itself is shown."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from local.azurite import Azurite
from shared.store import audit_logs
from shared.store.audit_logs import AuditLogs
from tests.support.managed_identity import running_by_identity
from tests.support.stack import CONTOSO, Stack, StartStack, in_source

READING = {"sp": ["r"], "sr": ["b"]}


def query(link: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(link).query)


def ends(link: str) -> datetime:
    return datetime.fromisoformat(query(link)["se"][0])


async def link_to(stack: Stack, kind: str = "dry-run") -> str:
    run = await stack.finished(await stack.start(kind))
    answer = await stack.get(f"domains/{CONTOSO}/runs/{run.id}/audit-log")
    assert answer.status_code == 302
    return answer.headers["Location"]


@pytest.fixture
async def stack(start_stack: StartStack) -> Stack:
    return await start_stack(source=[in_source("aoki")])


async def test_the_redirect_is_kept_by_nobody(stack: Stack) -> None:
    run = await stack.dry_run()

    answer = await stack.get(f"domains/{CONTOSO}/runs/{run.id}/audit-log")
    by_json = await stack.get(f"domains/{CONTOSO}/runs/{run.id}/audit-log", Accept="application/json")

    assert answer.headers["Cache-Control"] == by_json.headers["Cache-Control"] == "no-store"
    assert (await stack.http.get(answer.headers["Location"])).headers["Cache-Control"] == "no-store"


async def test_it_grants_reading_of_one_blob(stack: Stack) -> None:
    granted = query(await link_to(stack))

    assert {name: granted[name] for name in READING} == READING
    assert granted.keys() == {"st", "se", "sp", "sv", "sr", "sig"}


async def test_it_names_the_file_by_domain_kind_and_local_time(stack: Stack) -> None:
    run = await stack.dry_run()
    path = f"domains/{CONTOSO}/runs/{run.id}/audit-log"

    answer = await stack.get(f"{path}?utcOffset=540")
    refused = [(await stack.get(f"{path}?utcOffset={bad}")).status_code for bad in ("841", "x", '"')]

    log = await stack.http.get(answer.headers["Location"])
    tokyo = run.created_at + timedelta(hours=9)
    name = f"contoso.com-dry-run-{tokyo:%Y-%m-%d-%H%M}.csv"
    assert log.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert refused == [400] * 3


async def test_it_ends_after_an_hour(stack: Stack) -> None:
    before = datetime.now(UTC)

    link = await link_to(stack)

    assert timedelta(minutes=59) < ends(link) - before
    assert ends(link) - datetime.now(UTC) <= timedelta(minutes=60)


async def test_it_ends_with_the_log_if_that_is_sooner(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await stack.dry_run()
    monkeypatch.setattr(audit_logs, "AUDIT_LOG_LIFETIME", timedelta(minutes=10))

    answer = await stack.get(f"domains/{CONTOSO}/runs/{run.id}/audit-log")

    assert ends(answer.headers["Location"]) - datetime.now(UTC) <= timedelta(minutes=10)


async def test_an_old_link_does_not_open_an_expired_log(stack: Stack) -> None:
    # The storage service itself refuses it: nobody needs to have deleted the log yet.
    run = await stack.dry_run()
    logs = AuditLogs(stack.services.storage)
    link = await logs.make_link(run, datetime.now(UTC) - timedelta(hours=2))

    answer = await stack.http.get(link.url)

    assert link.expires_at < datetime.now(UTC)
    assert answer.status_code == 403


async def test_a_link_for_another_blobs_name_is_refused_by_the_storage(stack: Stack) -> None:
    link = await link_to(stack)
    other = await link_to(stack, "sync")
    path, _, signature = link.partition("?")

    stolen = other.partition("?")[0] + "?" + signature

    assert path != other.partition("?")[0]
    assert (await stack.http.get(link)).status_code == 200
    assert (await stack.http.get(stolen)).status_code == 403


@pytest.mark.parametrize("query", ["restype=container&comp=list&", "comp=metadata&", "comp=tags&"])
async def test_a_link_lists_and_changes_nothing(stack: Stack, query: str) -> None:
    path, _, signature = (await link_to(stack)).partition("?")
    container = path.rpartition("/dry-run/")[0]

    answers = [
        await stack.http.get(f"{container}?{query}{signature}"),
        await stack.http.put(f"{path}?{query}{signature}", headers={"x-ms-meta-a": "b"}),
    ]

    assert {answer.status_code for answer in answers} <= {400, 403}
    assert "contoso.com.csv" not in answers[0].text


async def test_a_longer_life_can_not_be_written_into_a_link(stack: Stack) -> None:
    link = httpx.URL(await link_to(stack))

    longer = link.copy_set_param("se", "2099-01-01T00:00:00Z")

    assert (await stack.http.get(longer)).status_code == 403


async def test_by_identity_it_is_signed_with_the_identitys_key_and_works_over_https_only(
    tmp_path: Path,
) -> None:
    log = tmp_path / "host.log"
    with Azurite(https=True) as azurite:
        async with running_by_identity(azurite, log, source=[in_source("aoki")], debugging=True) as running:
            link = await link_to(running.stack)
            other = await link_to(running.stack, "sync")
            granted = query(link)
            async with running.client() as storage:
                read = await storage.get(link)
                stolen = await storage.get(other.partition("?")[0] + "?" + link.partition("?")[2])
                written = await storage.put(link, headers={"x-ms-blob-type": "BlockBlob"}, content=b"x")

    # sk… name the user-delegation key; no account key had a part in it.
    assert {"skoid", "sktid", "skt", "ske", "sks", "skv"} <= granted.keys()
    assert {name: granted[name] for name in READING} == READING
    assert granted["spr"] == ["https"]
    assert ends(link) - datetime.now(UTC) <= timedelta(minutes=60)
    assert (read.status_code, stolen.status_code, written.status_code) == (200, 403, 403), read.text
    assert "aoki@contoso.com" in read.text
    for signature in (granted["sig"][0], query(other)["sig"][0]):
        assert signature not in log.read_text()
        assert quote(signature, safe="") not in log.read_text()
