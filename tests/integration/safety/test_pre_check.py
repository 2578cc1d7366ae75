"""The pre-check: what stands on a domain that is no user to synchronise, and what to do about each."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, ClassVar

import pytest

from local.access_control import Fault
from local.entra import Fault as GraphFault
from shared.entra.addresses import HENNGE_SYNC
from shared.model.runs import Run
from tests.support.outcomes import all_permissions_but
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

IDS = {name: f"00000000-0000-4000-8000-00000000000{number}" for number, name in enumerate("abcdef")}
ALL_KINDS = [
    in_entra("info", id=IDS["a"], _mailbox="shared"),
    in_entra("room", id=IDS["b"], _mailbox="room"),
    in_entra("projector", id=IDS["c"], _mailbox="equipment"),
    in_entra("visitor", id=IDS["d"], userType="Guest"),
    in_entra("tokyo", id=IDS["e"], onPremisesSyncEnabled=True),
    in_entra("admin", id=IDS["f"], _roles=["User Administrator"]),
]
GROUP = {"id": "g1", "displayName": "Sales", "mail": "sales@contoso.com"}
APPLICATION = {"id": "a1", "displayName": "HR", "identifierUris": ["api://contoso.com/hr"]}


async def with_all_kinds(start_stack: StartStack, *, read: str = "mirror", **tenant: Any) -> Stack:
    return await start_stack(
        settings={"READ": read},
        source=[in_source("aoki")],
        entra=[in_entra("aoki"), *ALL_KINDS],
        tenant={"groups": [GROUP], "applications": [APPLICATION], **tenant},
    )


class TestWhatIsFound:
    async def test_every_kind_of_object_that_is_no_user_to_synchronise(self, start_stack: StartStack) -> None:
        stack = await with_all_kinds(start_stack)

        found = await stack.pre_check()

        assert [(o["kind"], o["name"], o["address"]) for o in found["objects"]] == [
            ("sharedMailbox", "Info 太郎", "info@contoso.com"),
            ("room", "Room 太郎", "room@contoso.com"),
            ("equipment", "Projector 太郎", "projector@contoso.com"),
            ("guest", "Visitor 太郎", "visitor@contoso.com"),
            ("onPremisesSynced", "Tokyo 太郎", "tokyo@contoso.com"),
            ("roleHolder", "Admin 太郎", "admin@contoso.com"),
            ("group", "Sales", "sales@contoso.com"),
            ("application", "HR", ""),
        ]
        assert all(o["leftAlone"] and o["why"] and o["action"] for o in found["objects"])
        assert stack.writes() == []

    async def test_a_powershell_line_moves_whatever_can_be_moved_to_the_onmicrosoft_domain(
        self, start_stack: StartStack
    ) -> None:
        stack = await with_all_kinds(start_stack)

        commands = {o["kind"]: o["command"] for o in (await stack.pre_check())["objects"]}

        moved = {"sharedMailbox": ("a", "info"), "room": ("b", "room"), "equipment": ("c", "projector")}
        assert commands == {
            **{
                kind: f"Update-MgUser -UserId {IDS[key]} -UserPrincipalName '{name}@contoso.onmicrosoft.com'"
                for kind, (key, name) in {**moved, "roleHolder": ("f", "admin")}.items()
            },
            "guest": None, "onPremisesSynced": None, "group": None, "application": None,
        }  # fmt: skip

    async def test_more_than_the_999_at_which_the_untyped_call_stops(self, start_stack: StartStack) -> None:
        groups = [{"displayName": f"G{n}", "mail": f"g{n}@contoso.com"} for n in range(1_001)]
        stack = await start_stack(
            source=[in_source("aoki")], entra=[in_entra("aoki")], tenant={"groups": groups}
        )

        assert len((await stack.pre_check())["objects"]) == 1_001

    async def test_nothing_on_a_domain_of_ordinary_users(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki")], entra=[in_entra("aoki"), in_entra("leaver"), in_entra("x", "other.example")],
            domains=[{"id": CONTOSO}, {"id": "other.example"}],
        )  # fmt: skip

        found = await stack.pre_check()

        assert (found["objects"], found["activeDirectory"]) == ([], False)
        assert found["notice"] == "Nothing on contoso.com but users to synchronise."

    async def test_a_dry_run_brings_the_summary_along(self, start_stack: StartStack) -> None:
        stack = await with_all_kinds(start_stack)

        run = await stack.dry_run()

        assert run.pre_check is not None
        assert run.pre_check.active_directory
        assert run.pre_check.objects == {
            "application": 1, "equipment": 1, "group": 1, "guest": 1, "onPremisesSynced": 1,
            "roleHolder": 1, "room": 1, "sharedMailbox": 1,
        }  # fmt: skip


class TestTwoSyncs:
    HENNGE: ClassVar[Json] = {"displayName": "HENNGE", "appId": HENNGE_SYNC}

    @pytest.mark.parametrize(
        ("principals", "granted", "words"),
        [
            ([HENNGE], True, "That does not prove that it runs"),
            ([{**HENNGE, "appId": "0"}], True, ""),
            ([HENNGE], False, "Not everything could be looked at: grant Application.Read.All."),
        ],
        ids=["there", "not there", "not looked"],
    )
    async def test_hennges_own_application_is_a_warning_where_the_app_may_look(
        self, start_stack: StartStack, principals: list[Json], granted: bool, words: str
    ) -> None:
        permissions: Json = {} if granted else {"permissions": all_permissions_but("Application.Read.All")}
        stack = await with_all_kinds(start_stack, servicePrincipals=principals, **permissions)

        notice, run = (await stack.pre_check())["notice"], await stack.dry_run()

        assert ("two syncs on one domain" in notice) is (granted and principals == [self.HENNGE])
        assert words in notice
        assert run.pre_check is not None
        assert run.pre_check.notice == notice

    async def test_a_look_that_fails_costs_the_warning_alone(self, start_stack: StartStack) -> None:
        stack = await with_all_kinds(start_stack)
        stack.entra.faults.add(GraphFault(kind="status", status=400, path="/servicePrincipals*"))

        notice = (await stack.pre_check())["notice"]

        assert "Whether HENNGE's own sync is in the tenant could not be read" in notice


class TestActiveDirectory:
    async def test_is_said_where_the_tenant_synchronises_from_it(self, start_stack: StartStack) -> None:
        stack = await with_all_kinds(start_stack)

        found = await stack.pre_check()

        assert found["activeDirectory"] is True
        assert "This tenant synchronises users from Active Directory" in found["notice"]
        assert "this product is not needed" in found["notice"]

    async def test_is_said_also_where_it_synchronises_nobody_of_this_domain(
        self, start_stack: StartStack
    ) -> None:
        elsewhere = in_entra("tokyo", "corp.example", onPremisesSyncEnabled=True)
        stack = await start_stack(
            source=[in_source("aoki")], entra=[in_entra("aoki"), elsewhere],
            domains=[{"id": CONTOSO}, {"id": "corp.example"}],
        )  # fmt: skip

        assert (await stack.pre_check())["activeDirectory"] is True


class TestWhatCanNotBeLookedAt:
    @pytest.mark.parametrize(
        ("missing", "hidden"),
        [
            ("Application.Read.All", {"application"}),
            ("GroupMember.Read.All", {"group"}),
            ("MailboxSettings.Read", {"sharedMailbox", "room", "equipment"}),
            ("RoleManagement.Read.Directory", {"roleHolder"}),
        ],
    )
    async def test_a_missing_permission_is_named_and_the_rest_is_found(
        self, start_stack: StartStack, missing: str, hidden: set[str]
    ) -> None:
        stack = await with_all_kinds(start_stack, permissions=all_permissions_but(missing))

        found = await stack.pre_check()

        assert f"Not everything could be looked at: grant {missing}." in found["notice"]
        every_kind = {
            "sharedMailbox",
            "room",
            "equipment",
            "guest",
            "onPremisesSynced",
            "roleHolder",
            "group",
        }
        assert {o["kind"] for o in found["objects"]} == {*every_kind, "application"} - hidden

    async def test_a_source_without_anybody_on_the_domain_still_gets_an_answer(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(source=[in_source("aoki", "other.example")], entra=ALL_KINDS)

        found = await stack.pre_check()

        assert len(found["objects"]) == 6
        assert "The source has no user on contoso.com" in found["notice"]

    async def test_a_source_that_can_not_be_read_still_gets_an_answer(self, start_stack: StartStack) -> None:
        stack = await with_all_kinds(start_stack)
        stack.access_control.faults.add(Fault(kind="status", call="token", status=401))

        found = await stack.pre_check()

        assert len(found["objects"]) == 8
        assert "POST token answered 401: check HENNGE_CLIENT_ID" in found["notice"]

    async def test_a_domain_that_is_not_the_tenants_gets_404(self, start_stack: StartStack) -> None:
        stack = await start_stack()

        assert (await stack.get("domains/nobody.example/pre-check")).status_code == 404


PAGE = f"domains/{CONTOSO}/pre-check"


class TestWhatWasFoundLast:
    async def test_is_shown_with_the_run_and_its_time_without_another_look(
        self, start_stack: StartStack
    ) -> None:
        stack = await with_all_kinds(start_stack)
        run = await stack.dry_run()
        stack.entra.requests.clear()
        stack.access_control.requests.clear()

        found = (await stack.get(PAGE)).json()

        assert (found["runId"], len(found["objects"])) == (run.id, 8)
        assert run.finished_at is not None
        assert run.created_at <= datetime.fromisoformat(found["asOf"]) <= run.finished_at
        assert [call.path for call in stack.entra.requests.calls] == []
        assert stack.access_control.requests.calls == []

    async def test_is_replaced_by_a_check_that_is_no_dry_run(self, start_stack: StartStack) -> None:
        stack = await with_all_kinds(start_stack)
        dry_run = await stack.dry_run()
        stack.entra.directory.create(in_entra("lobby", userType="Guest"))

        found = await stack.pre_check()

        check = (await stack.runs())[0]
        assert (check.kind, check.status, check.id) == ("check", "succeeded", found["runId"])
        assert "lobby@contoso.com" in [one["address"] for one in found["objects"]]
        domain = (await stack.get(f"domains/{CONTOSO}")).json()
        assert (domain["lastDryRun"]["id"], domain["lastDryRun"]["auditLog"]["available"]) == (
            dry_run.id,
            True,
        )
        assert (await stack.get(f"domains/{CONTOSO}/runs/{check.id}/audit-log")).status_code == 410
        assert stack.writes() == []

    async def test_can_not_be_approved(self, start_stack: StartStack) -> None:
        stack = await with_all_kinds(start_stack)
        found = await stack.pre_check()

        answer = await stack.post(f"domains/{CONTOSO}/sync", {"approve": {"dryRunId": found["runId"]}})

        assert answer.status_code == 409
        assert "only looked at the domain" in answer.json()["detail"]

    @pytest.mark.parametrize(
        "order", [{"only": ["aoki"]}, {"settings": {"protectedUsers": ["aoki@contoso.com"]}}]
    )
    async def test_is_not_replaced_by_what_is_not_in_force_for_everybody(
        self, start_stack: StartStack, order: Json
    ) -> None:
        stack = await with_all_kinds(start_stack)
        found = await stack.pre_check()

        answer = await stack.post(f"domains/{CONTOSO}/dry-run", order)
        await stack.finished(Run.model_validate(answer.json()))

        assert (await stack.get(PAGE)).json() == found


class TestBeforeTheFirstRun:
    async def test_one_check_is_started_and_waited_for(self, start_stack: StartStack) -> None:
        stack = await with_all_kinds(start_stack)

        first = await stack.get(PAGE)
        found = (await stack.looked(PAGE)).json()

        assert (first.status_code, first.json()["parts"][0]["code"]) == (503, "look.checking")
        (check,) = await stack.runs()
        assert (check.kind, check.id, len(found["objects"])) == ("check", found["runId"], 8)

    async def test_a_check_that_fails_is_not_begun_again_by_each_look(self, start_stack: StartStack) -> None:
        stack = await with_all_kinds(start_stack)
        await stack.get("domains")
        stack.entra.faults.add(GraphFault(kind="status", status=403, path="/users*"))

        answers = [await stack.looked(PAGE) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [502, 502]
        (check,) = await stack.runs()
        assert (check.kind, check.status) == ("check", "failed")
        assert answers[0].json()["parts"] == [asdict(part) for part in check.message_parts]

    async def test_with_read_live_both_sides_are_read_for_the_answer(self, start_stack: StartStack) -> None:
        stack = await with_all_kinds(start_stack, read="live")

        answer = await stack.get(PAGE)

        assert (answer.status_code, answer.json()["runId"], len(answer.json()["objects"])) == (200, None, 8)
        assert await stack.runs() == []
