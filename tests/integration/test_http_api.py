"""The HTTP API as other people's scripts rely on it: every row of its table, with its error answers."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest

from shared.http.domains import DomainList
from shared.model.domains import Domain
from shared.model.parts import stored_parts
from shared.model.runs import Run
from shared.runs import lifecycle
from shared.store import audit_logs
from shared.store.tenant_domains import TenantDomains
from shared.words import said
from tests.support.stack import Json, Stack, StartStack, in_entra, in_source

RUN_ID = "8204562098021-3a0b02ae"


def problem(answer: httpx.Response, status: int) -> Json:
    """The body of an error answer, which has the shape of RFC 9457 and nothing of a stack trace."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: Json = answer.json()
    always = {"type", "title", "status", "detail", "parts"}
    assert always <= body.keys() <= {*always, "errors", "runId"}
    assert said(stored_parts(body["parts"])) == body["detail"]
    assert (body["status"], "Traceback" in answer.text) == (status, False)
    return body


@pytest.fixture
async def stack(start_stack: StartStack) -> Stack:
    """Two domains, one of them federated; contoso.com has somebody to add."""
    domains = [{"id": "contoso.com"}, {"id": "fed.example", "authenticationType": "Federated"}]
    return await start_stack(
        source=[in_source("aoki"), in_source("baba")], entra=[in_entra("baba")], domains=domains
    )


async def keep_active(stack: Stack) -> Run:
    """A run that stays active until the test says `let_end`."""
    stack.hold_up()
    return await stack.start("sync")


async def let_end(stack: Stack, run: Run) -> Run:
    stack.let_go()
    return await stack.finished(run)


class TestDomains:
    async def test_the_list_has_every_verified_domain_with_its_settings_and_runs(self, stack: Stack) -> None:
        dry_run = await stack.dry_run()
        await stack.set(periodicSync=True)

        answer = await stack.get("domains")

        listed = DomainList.model_validate(answer.json()).domains
        assert [(d.name, d.authentication_type) for d in listed] == [
            ("contoso.com", "Managed"),
            ("contoso.onmicrosoft.com", "Managed"),
            ("fed.example", "Federated"),
        ]
        assert (listed[0].periodic_sync, listed[0].max_allowed_deletions) == (True, 20)
        assert (listed[0].active_run, listed[0].last_dry_run, listed[0].last_sync) == (None, dry_run, None)

    async def test_the_default_domain_is_marked_and_an_international_one_read_in_its_own_script(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            domains=[{"id": "contoso.com", "isDefault": True}, {"id": "xn--wgv71a119e.jp"}]
        )

        listed = DomainList.model_validate((await stack.get("domains")).json()).domains
        stored = await TenantDomains(stack.services.storage).read()

        assert [(d.own_script, d.is_default) for d in listed] == [
            ("contoso.com", True),
            ("contoso.onmicrosoft.com", False),
            ("日本語.jp", False),
        ]
        assert stored is not None
        assert [one.name for one in stored.value if one.default] == ["contoso.com"]

    async def test_a_domain_with_periodic_sync_tells_when_it_runs_next(self, stack: Stack) -> None:
        before = Domain.model_validate((await stack.get("domains/contoso.com")).json())
        await stack.set(periodicSync=True)
        after = Domain.model_validate((await stack.get("domains/contoso.com")).json())

        assert before.next_run_at is None
        assert after.next_run_at is not None
        assert (after.next_run_at.minute, after.next_run_at.second) == (0, 0)
        assert timedelta(0) < after.next_run_at - datetime.now(UTC) <= timedelta(hours=1)

    async def test_a_domain_is_known_by_any_spelling_of_its_case(self, stack: Stack) -> None:
        answer = await stack.get("domains/Contoso.COM")

        assert answer.json()["name"] == "contoso.com"

    async def test_the_active_run_is_shown(self, stack: Stack) -> None:
        run = await keep_active(stack)

        answer = await stack.get("domains/contoso.com")

        assert answer.json()["activeRun"]["id"] == run.id
        await let_end(stack, run)


class TestSettings:
    async def test_any_subset_can_be_changed(self, stack: Stack) -> None:
        first = await stack.patch("domains/contoso.com", {"periodicSync": True})
        second = await stack.patch("domains/contoso.com", {"maxAllowedDeletions": 10})

        assert (first.json()["periodicSync"], first.json()["maxAllowedDeletions"]) == (True, 20)
        assert (second.json()["periodicSync"], second.json()["maxAllowedDeletions"]) == (True, 10)

    async def test_the_etag_lets_a_change_through_once(self, stack: Stack) -> None:
        etag = (await stack.get("domains/contoso.com")).headers["ETag"]

        changed = await stack.patch("domains/contoso.com", {"periodicSync": True}, **{"If-Match": etag})
        refused = await stack.patch("domains/contoso.com", {"periodicSync": False}, **{"If-Match": etag})

        assert changed.status_code == 200
        assert "changed by somebody else" in problem(refused, 412)["detail"]
        now = await stack.get("domains/contoso.com")
        assert (now.json()["periodicSync"], now.headers["ETag"]) == (True, changed.headers["ETag"])

    @pytest.mark.parametrize("etag", ["*", None])
    async def test_a_change_without_a_version_goes_through(self, stack: Stack, etag: str | None) -> None:
        await stack.set(periodicSync=True)

        headers = {"If-Match": etag} if etag else {}
        answer = await stack.patch("domains/contoso.com", {"periodicSync": False}, **headers)

        assert (answer.status_code, answer.json()["periodicSync"]) == (200, False)

    async def test_a_bad_body_is_refused_with_every_bad_field(self, stack: Stack) -> None:
        body = {"periodicSync": "yes", "maxAllowedDeletions": 101, "surprise": 1}

        refusal = problem(await stack.patch("domains/contoso.com", body), 400)

        fields = [error["field"] for error in refusal["errors"]]
        assert fields == ["periodicSync", "maxAllowedDeletions", "surprise"]
        assert all(field in refusal["detail"] for field in fields)
        told = [error["parts"][0]["code"] for error in refusal["errors"]]
        assert told == ["field.oneOf", "field.atMost", "field.unknown"]
        assert refusal["errors"][0]["detail"] == "Takes one of false, true, 'watch'."

    @pytest.mark.parametrize("value", [None, [], {}, "many", -1, 10**9])
    @pytest.mark.parametrize("name", ["maxAllowedDeletions", "maxAdds", "unlinked", "periodicSync"])
    async def test_what_is_wrong_with_a_field_is_said_in_sentences_of_our_own(
        self, stack: Stack, name: str, value: object
    ) -> None:
        answer = await stack.patch("domains/contoso.com", {name: value})

        if answer.status_code != 200:
            for error in problem(answer, 400)["errors"]:
                assert error["field"].startswith(name)
                assert said(stored_parts(error["parts"])) == error["detail"]
                assert "Input should" not in error["detail"]

    @pytest.mark.parametrize(
        ("order", "code"),
        [
            ({"only": ["x"] * 201}, "field.atMostItems"),
            ({"only": []}, "field.required"),
            ({"settings": {"pausedUntil": "2099-01-01T00:00:00"}}, "field.timeZone"),
            ({"settings": {"pauseReason": "x" * 501}}, "field.atMostCharacters"),
        ],
    )
    async def test_a_limit_that_is_passed_is_named(self, stack: Stack, order: Json, code: str) -> None:
        refusal = problem(await stack.post("domains/contoso.com/dry-run", order), 400)

        assert [part["code"] for error in refusal["errors"] for part in error["parts"]] == [code]

    @pytest.mark.parametrize("percent", [-1, 101, 20.5, "20", True])
    async def test_max_allowed_deletions_is_a_whole_percentage(self, stack: Stack, percent: object) -> None:
        answer = await stack.patch("domains/contoso.com", {"maxAllowedDeletions": percent})

        assert [e["field"] for e in problem(answer, 400)["errors"]] == ["maxAllowedDeletions"]

    @pytest.mark.parametrize("body", [{}, [], "text"])
    async def test_a_body_that_changes_nothing_is_refused(self, stack: Stack, body: object) -> None:
        problem(await stack.patch("domains/contoso.com", body), 400)

    @pytest.mark.parametrize(
        ("content", "kind", "status"),
        [
            (b"{", "application/json", 400),
            (b"periodicSync=true", "application/x-www-form-urlencoded", 415),
            (b'{"a": "' + b"x" * 1024**2 + b'"}', "application/json", 413),
        ],
    )
    async def test_what_is_no_small_json_is_refused(
        self, stack: Stack, content: bytes, kind: str, status: int
    ) -> None:
        answer = await stack.http.patch(
            "/api/domains/contoso.com", content=content, headers={"Content-Type": kind}
        )

        problem(answer, status)


class TestStartingRuns:
    @pytest.mark.parametrize(("kind", "mode"), [("dry-run", "dryRun"), ("sync", "sync")])
    async def test_a_run_is_accepted_and_found_at_its_location(
        self, stack: Stack, kind: str, mode: str
    ) -> None:
        answer = await stack.post(f"domains/contoso.com/{kind}")

        run = Run.model_validate(answer.json())
        assert (answer.status_code, answer.headers["Retry-After"]) == (202, "2")
        assert answer.headers["Location"] == f"/api/domains/contoso.com/runs/{run.id}"
        assert (run.mode, run.status, run.trigger, run.requested_by) == (
            mode,
            "queued",
            "manual",
            "function key",
        )
        assert (await stack.http.get(answer.headers["Location"])).json()["id"] == run.id
        assert (await stack.finished(run)).status == "succeeded"

    @pytest.mark.parametrize("kind", ["dry-run", "sync"])
    async def test_a_second_start_of_the_domain_answers_the_active_runs_id(
        self, stack: Stack, kind: str
    ) -> None:
        active = await keep_active(stack)

        refusal = problem(await stack.post(f"domains/contoso.com/{kind}"), 409)

        assert refusal["runId"] == active.id
        assert active.id in refusal["detail"]
        assert len(await stack.runs()) == 1
        await let_end(stack, active)

    @pytest.mark.parametrize("kind", ["dry-run", "sync"])
    async def test_a_run_that_nobody_performs_goes_on_for_whoever_starts_another(
        self, stack: Stack, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lifecycle, "abandoned_after", lambda _seconds: timedelta(0))
        abandoned = await stack.start_without_message()

        refusal = problem(await stack.post(f"domains/contoso.com/{kind}"), 409)

        assert refusal["runId"] == abandoned.id
        assert "nobody was working on; it goes on now" in refusal["detail"]
        assert (await stack.finished(abandoned)).status == "succeeded"

    async def test_a_run_that_was_queued_a_moment_ago_is_left_to_its_message(self, stack: Stack) -> None:
        waiting = await stack.start_without_message()

        refusal = problem(await stack.post("domains/contoso.com/sync"), 409)

        assert "goes on now" not in refusal["detail"]
        assert (await stack.run(waiting)).status == "queued"

    async def test_another_domain_starts_meanwhile(self, stack: Stack) -> None:
        active = await keep_active(stack)

        other = await stack.start("dry-run", "fed.example")

        assert other.domain == "fed.example"
        await let_end(stack, active)
        await stack.finished(other)

    async def test_of_many_starts_at_once_exactly_one_is_accepted(self, stack: Stack) -> None:
        answers = await asyncio.gather(*(stack.post("domains/contoso.com/sync") for _ in range(8)))

        assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
        (accepted,) = [a.json()["id"] for a in answers if a.status_code == 202]
        assert {a.json()["runId"] for a in answers if a.status_code == 409} == {accepted}
        await stack.finished((await stack.runs())[0])

    async def test_an_unknown_field_is_refused(self, stack: Stack) -> None:
        refusal = problem(await stack.post("domains/contoso.com/dry-run", {"force": True}), 400)

        assert [error["field"] for error in refusal["errors"]] == ["force"]


class TestRuns:
    async def test_they_are_listed_newest_first_page_by_page(self, stack: Stack) -> None:
        started = [(await stack.dry_run()).id for _ in range(3)]

        first = (await stack.get("domains/contoso.com/runs?limit=2")).json()
        second = (await stack.get(f"domains/contoso.com/runs?limit=2&cursor={first['cursor']}")).json()

        assert [run["id"] for run in first["runs"]] == [started[2], started[1]]
        assert ([run["id"] for run in second["runs"]], second["cursor"]) == ([started[0]], None)

    async def test_the_logs_are_filtered(self, stack: Stack) -> None:
        dry_run, sync = await stack.dry_run(), await stack.sync()

        async def found(**wanted: str) -> list[str]:
            query = "&".join(f"{name}={quote(value)}" for name, value in wanted.items())
            answer = await stack.get(f"domains/contoso.com/runs?{query}")
            return [run["id"] for run in answer.json()["runs"]]

        assert await found(mode="sync") == [sync.id]
        assert await found(status="succeeded", mode="dryRun") == [dry_run.id]
        assert await found(status="failed") == []
        assert await found(by="Function KEY") == [sync.id, dry_run.id]
        assert await found(by="aoki") == []
        assert await found(to=sync.created_at.isoformat()) == [dry_run.id]
        assert await found(**{"from": sync.created_at.isoformat()}) == [sync.id]
        assert (await stack.get("domains/contoso.com/runs?from=2026-11-28T00:00:00")).status_code == 400

    async def test_a_bad_query_is_refused_with_every_bad_field(self, stack: Stack) -> None:
        answer = await stack.get("domains/contoso.com/runs?limit=0&cursor=nonsense&page=2")

        fields = [error["field"] for error in problem(answer, 400)["errors"]]
        assert fields == ["limit", "cursor", "page"]

    async def test_one_is_live_while_it_runs(self, stack: Stack) -> None:
        run = await keep_active(stack)
        url = f"domains/contoso.com/runs/{run.id}"

        active = await stack.get(url)
        await let_end(stack, run)
        ended = await stack.get(url)

        assert (active.json()["status"] in ("queued", "running"), active.headers["Retry-After"]) == (
            True,
            "2",
        )
        assert (ended.json()["status"], "Retry-After" in ended.headers) == ("succeeded", False)
        assert active.headers["Cache-Control"] == ended.headers["Cache-Control"] == "no-store"

    async def test_cancelling_stops_a_run_before_its_next_write(self, stack: Stack) -> None:
        run = await keep_active(stack)

        answer = await stack.post(f"domains/contoso.com/runs/{run.id}/cancel")
        cancelled = await let_end(stack, run)

        assert answer.status_code == 202
        assert (cancelled.status, stack.writes()) == ("cancelled", [])
        assert cancelled.message == "Cancelled by function key. Nothing was applied."

    async def test_cancelling_a_run_that_has_ended_changes_nothing(self, stack: Stack) -> None:
        run = await stack.dry_run()

        answer = await stack.post(f"domains/contoso.com/runs/{run.id}/cancel")

        assert (answer.status_code, Run.model_validate(answer.json())) == (202, run)


class TestAuditLog:
    async def test_it_is_a_redirect_to_a_link_that_can_be_read_for_an_hour(self, stack: Stack) -> None:
        run = await stack.dry_run()

        answer = await stack.get(f"domains/contoso.com/runs/{run.id}/audit-log")

        assert answer.status_code == 302
        log = await stack.http.get(answer.headers["Location"])
        assert log.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert log.headers["Content-Disposition"] == f'attachment; filename="contoso.com-dryRun-{run.id}.csv"'
        assert len(log.content) == run.audit_log.size_bytes

    async def test_it_is_a_link_as_json_for_who_accepts_json(self, stack: Stack) -> None:
        run = await stack.sync()

        answer = await stack.get(f"domains/contoso.com/runs/{run.id}/audit-log", Accept="application/json")

        link = answer.json()
        assert (answer.status_code, sorted(link)) == (200, ["expiresAt", "url"])
        left = datetime.fromisoformat(link["expiresAt"]) - datetime.now(UTC)
        assert timedelta(minutes=59) < left <= timedelta(minutes=60)
        assert (await stack.http.get(link["url"])).status_code == 200

    @pytest.mark.parametrize("method", ["PUT", "DELETE"])
    async def test_the_link_only_reads(self, stack: Stack, method: str) -> None:
        run = await stack.dry_run()
        link = (await stack.get(f"domains/contoso.com/runs/{run.id}/audit-log")).headers["Location"]

        answer = await stack.http.request(method, link, headers={"x-ms-blob-type": "BlockBlob"}, content=b"x")

        assert answer.status_code == 403

    async def test_a_dry_runs_log_is_gone_once_the_next_one_has_overwritten_it(self, stack: Stack) -> None:
        first = await stack.dry_run()
        second = await stack.dry_run()

        refusal = problem(await stack.get(f"domains/contoso.com/runs/{first.id}/audit-log"), 410)

        assert "the next dry run overwrites it" in refusal["detail"]
        available = [run.audit_log.available for run in await stack.runs()]
        assert (available, second.audit_log.available) == ([True, False], True)

    async def test_a_log_older_than_a_day_is_not_served(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = await stack.sync()
        monkeypatch.setattr(audit_logs, "AUDIT_LOG_LIFETIME", timedelta(0))

        problem(await stack.get(f"domains/contoso.com/runs/{run.id}/audit-log"), 410)

    async def test_a_run_that_wrote_none_has_none(self, start_stack: StartStack) -> None:
        stack = await start_stack()
        run = await stack.dry_run()

        assert (run.status, run.audit_log.available) == ("failed", False)
        problem(await stack.get(f"domains/contoso.com/runs/{run.id}/audit-log"), 410)


class TestNothingThere:
    @pytest.mark.parametrize("name", ["unknown.example", "not a domain", "unverified.example", "x" * 300])
    @pytest.mark.parametrize(
        ("method", "rest"),
        [
            ("GET", ""),
            ("PATCH", ""),
            ("POST", "/dry-run"),
            ("POST", "/sync"),
            ("GET", "/runs"),
            ("GET", f"/runs/{RUN_ID}"),
            ("POST", f"/runs/{RUN_ID}/cancel"),
            ("GET", f"/runs/{RUN_ID}/audit-log"),
        ],
    )
    async def test_an_unknown_domain_is_not_found(
        self, stack: Stack, name: str, method: str, rest: str
    ) -> None:
        body: Json = {"periodicSync": True} if method == "PATCH" else {}
        json = None if method == "GET" else body

        problem(await stack.http.request(method, f"/api/domains/{name}{rest}", json=json), 404)

    @pytest.mark.parametrize("run_id", [RUN_ID, "active", "last-sync", "..%2F..", "'"])
    @pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("POST", "/cancel"), ("GET", "/audit-log")])
    async def test_an_unknown_run_is_not_found(
        self, stack: Stack, run_id: str, method: str, rest: str
    ) -> None:
        await stack.dry_run()
        json: Json | None = None if method == "GET" else {}
        url = f"/api/domains/contoso.com/runs/{run_id}{rest}"

        problem(await stack.http.request(method, url, json=json), 404)

    async def test_a_run_is_not_found_under_another_domain(self, stack: Stack) -> None:
        run = await stack.dry_run()

        problem(await stack.get(f"domains/fed.example/runs/{run.id}"), 404)

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("DELETE", "domains", "GET"),
            ("POST", "domains/contoso.com", "GET, PATCH"),
            ("GET", "domains/contoso.com/sync", "POST"),
            ("GET", "domains/contoso.com/dry-run", "POST"),
            ("PUT", "domains/contoso.com/runs", "GET"),
            ("DELETE", f"domains/contoso.com/runs/{RUN_ID}", "GET"),
            ("GET", f"domains/contoso.com/runs/{RUN_ID}/cancel", "POST"),
            ("POST", f"domains/contoso.com/runs/{RUN_ID}/audit-log", "GET"),
            ("POST", "health", "GET"),
        ],
    )
    async def test_a_wrong_method_is_told_the_right_ones(
        self, stack: Stack, method: str, path: str, allowed: str
    ) -> None:
        answer = await stack.http.request(method, f"/api/{path}")

        assert f"takes {allowed}, not {method}" in problem(answer, 405)["detail"]
        assert answer.headers["Allow"] == allowed

    async def test_an_unknown_path_is_not_found(self, stack: Stack) -> None:
        assert "/api/openapi.json" in problem(await stack.get("nowhere/at/all"), 404)["detail"]


class TestTheRest:
    async def test_health_says_nothing_but_that_the_app_runs(self, stack: Stack) -> None:
        answer = await stack.get("health")

        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    async def test_deep_health_tries_storage_source_and_graph(self, stack: Stack) -> None:
        answer = await stack.get("health?deep=true")

        checks = dict.fromkeys(("storage", "source", "graph"), "ok")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": checks})

    async def test_deep_health_tells_the_log_alone_what_is_not_well(self, start_stack: StartStack) -> None:
        stack = await start_stack(settings={"HENNGE_CLIENT_SECRET": "wrong"}, tenant={"permissions": []})

        answer = await stack.get("health?deep=true")

        checks = {"storage": "ok", "source": "failed", "graph": "forbidden"}
        assert (answer.status_code, answer.json()) == (503, {"status": "failed", "checks": checks})
        told = {line["check"]: line["error"] for line in stack.events.named("health.failed")}
        assert "check HENNGE_CLIENT_ID and HENNGE_CLIENT_SECRET" in told["source"]
        assert "grant it Domain.Read.All" in told["graph"]

    async def test_what_graph_refuses_is_a_bad_gateway(self, start_stack: StartStack) -> None:
        stack = await start_stack(tenant={"permissions": []})

        assert "grant it Domain.Read.All" in problem(await stack.get("domains"), 502)["detail"]

    async def test_the_description_names_every_path_and_method(self, stack: Stack) -> None:
        document = (await stack.get("openapi.json")).json()

        assert document["openapi"] == "3.1.0"
        assert set(document["paths"]["/api/domains/{domain}"]) == {"get", "patch"}
        assert set(document["paths"]["/api/domains/{domain}/runs/{runId}/cancel"]) == {"post"}

    async def test_the_console_is_a_page(self, stack: Stack) -> None:
        answer = await stack.get("console")

        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")

    async def test_with_a_function_key_nobody_gets_in_without_it(self, start_stack: StartStack) -> None:
        stack = await start_stack(settings={"LOCAL_FUNCTION_KEY": "the-key"})

        assert (await stack.get("domains")).status_code == 401
        assert (await stack.get("domains", **{"x-functions-key": "the-key"})).status_code == 200
        assert (await stack.get("health")).status_code == 200
