"""Who may sign in: left alone by default, and nobody is let in whom neither the source nor a sync shut out."""

from dataclasses import replace

import pytest
from hypothesis import given

from shared.model.changes import Action, AttributeChange
from shared.model.people import SignIn, SourceUser, Value
from shared.planning.deeds import deeds
from shared.planning.mapping import AttributeMap
from shared.planning.protection import Protection
from shared.planning.sign_in import BLOCKED, CREATED, marked, still_blocked, switched, warnings
from shared.planning.surveyed import Terms
from shared.words import said
from tests.support.companies import SOURCE, tenants
from tests.support.model_tenant import ModelTenant
from tests.support.people import MAP, NOTHING_AROUND, add, change, entra_user, only, plan_of, source_user
from tests.support.surveys import planned, surveyed

MODES = list(SignIn)
MARKS = ["", CREATED, BLOCKED]
STATUSES: list[Value] = [True, False, None, "suspended"]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("enabled", [True, False])
def test_leave_changes_nobody_but_whom_a_sync_created_blocked(
    status: Value, enabled: bool, mark: str
) -> None:
    found = switched(SignIn.LEAVE, source_user(status=status), entra_user(enabled=enabled), mark)

    assert (found is not None) is (status is True and not enabled and mark == CREATED)


@pytest.mark.parametrize(
    ("mode", "status", "enabled", "mark", "after"),
    [
        (SignIn.BLOCK, False, True, "", False),
        (SignIn.BLOCK, True, False, "", None),
        (SignIn.BLOCK, True, False, BLOCKED, True),
        (SignIn.BLOCK, True, False, CREATED, True),
        (SignIn.FOLLOW, False, True, "", False),
        (SignIn.FOLLOW, True, False, "", True),
        (SignIn.LEAVE, True, False, BLOCKED, None),
    ],
)
def test_block_takes_back_its_own_alone_and_follow_is_as_the_source(
    mode: SignIn, status: bool, enabled: bool, mark: str, after: bool | None
) -> None:
    found = switched(mode, source_user(status=status), entra_user(enabled=enabled), mark)

    wanted = None if after is None else AttributeChange("accountEnabled", enabled, after)
    assert found == wanted


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("status", [None, "suspended"])
@pytest.mark.parametrize("enabled", [True, False])
def test_a_status_that_says_nothing_changes_nothing(
    mode: SignIn, mark: str, status: Value, enabled: bool
) -> None:
    assert switched(mode, source_user(status=status), entra_user(enabled=enabled), mark) is None


@pytest.mark.parametrize(
    ("status", "enabled"), [(True, True), (None, True), (False, False), ("suspended", False)]
)
@pytest.mark.parametrize("mode", MODES)
def test_a_new_account_is_blocked_unless_the_source_lets_the_person_in(
    mode: SignIn, status: Value, enabled: bool
) -> None:
    created = only(plan_of([source_user(status=status)], [], replace(NOTHING_AROUND, sign_in=mode)))

    assert created.action is Action.ADD
    assert created.after("accountEnabled") is enabled
    assert ("Created blocked" in said(created.reason)) is not enabled
    assert marked(created) == {"aoki": "" if enabled else CREATED}


def test_what_memory_is_to_know_follows_the_last_change() -> None:
    block = change(Action.BLOCK, attributes=[AttributeChange("accountEnabled", True, False)])
    unblock = change(Action.UNBLOCK, attributes=[AttributeChange("accountEnabled", False, True)])

    assert [deed.kind for deed in deeds(block)] == ["block"]
    assert marked(block) == {"aoki": BLOCKED}
    assert marked(unblock) == marked(add("aoki@contoso.com")) == {"aoki": ""}
    assert marked(change()) == marked(replace(block, source_id=None)) == {}


def test_who_was_seen_enabled_since_is_not_ours_any_more() -> None:
    marks, links = {"a": CREATED, "b": BLOCKED, "c": CREATED}, {"a": "id-a", "b": "id-b", "c": "id-c"}
    seen = [entra_user("a@contoso.com"), entra_user("b@contoso.com", enabled=False)]

    assert still_blocked(marks, links, seen) == {"b": BLOCKED, "c": CREATED}


def test_a_person_may_be_changed_and_blocked_in_one_run() -> None:
    following = replace(NOTHING_AROUND, sign_in=SignIn.FOLLOW)
    people = [source_user("new@contoso.com", source_id="aoki", immutable_id="K", status=False)]

    plan = plan_of(people, [entra_user(immutable_id="K")], following)

    assert [c.action for c in plan.changes] == [Action.RENAME, Action.BLOCK]
    assert plan.unchanged == 0


def test_a_block_that_may_hit_an_administrator_waits_and_the_update_does_not() -> None:
    unseen = Protection(missing_permissions=("RoleManagement.Read.Directory",))
    around = replace(NOTHING_AROUND, sign_in=SignIn.FOLLOW, protection=unseen)
    people = [source_user(values=("別名", "花子", "青木", None), status=False)]

    plan = plan_of(people, [entra_user()], around)

    assert [c.action for c in plan.changes] == [Action.UPDATE, Action.SKIP]
    assert said(plan.changes[1].reason).startswith(
        "Not blocked unseen: without RoleManagement.Read.Directory"
    )


def test_an_unblock_waits_for_who_holds_a_role_and_not_for_mailboxes() -> None:
    def actions(permission: str) -> list[Action]:
        unseen = Protection(missing_permissions=(permission,))
        around = replace(NOTHING_AROUND, sign_in=SignIn.FOLLOW, protection=unseen)
        return [c.action for c in plan_of([source_user()], [entra_user(enabled=False)], around).changes]

    assert actions("RoleManagement.Read.Directory") == [Action.SKIP]
    assert actions("MailboxSettings.Read") == [Action.UNBLOCK]


def test_an_administrator_is_told_what_is_left_and_which_values_nobody_knows() -> None:
    people = [source_user(f"{name}@contoso.com", status="suspended") for name in "ab"]
    pairs = [
        (source_user(status=False), entra_user()),
        (source_user(status=False), entra_user(enabled=False)),
    ]

    told = [said((part,)) for part in warnings(SignIn.LEAVE, pairs, people)]

    assert told[0].startswith("The status of 2 users is neither enabled nor disabled: 'suspended' (2).")
    assert told[1].startswith("Users disabled in the source and enabled in Entra: 1.")
    assert warnings(SignIn.FOLLOW, pairs, ()) == ()


@pytest.mark.parametrize("mapped", [{}, {"accountEnabled": "Status"}, {"accountEnabled": None}])
@pytest.mark.parametrize("setting", [None, *SignIn])
def test_the_setting_comes_before_what_an_earlier_map_meant(
    mapped: dict[str, str | None], setting: SignIn | None
) -> None:
    terms = Terms(attribute_map=AttributeMap.of(mapped), protection=Protection(), sign_in=setting)

    implied = terms.attribute_map.sign_in
    assert terms.sign_in_mode is (setting or implied or SignIn.LEAVE)
    assert bool(terms.warnings) is (setting is None and implied is not None)


@pytest.mark.untraced
@given(SOURCE, tenants())
def test_nobody_is_let_in_whom_neither_a_sync_nor_the_mode_shut_out(
    source: list[SourceUser], tenant: ModelTenant
) -> None:
    plan = planned(tenant, source)

    for unblock in plan.of(Action.UNBLOCK):
        mark = tenant.blocked.get(str(unblock.source_id))
        allowed: dict[SignIn, list[str | None]] = {
            SignIn.LEAVE: [CREATED],
            SignIn.BLOCK: [CREATED, BLOCKED],
            SignIn.FOLLOW: [*MARKS, None],
        }
        assert mark in allowed[tenant.sign_in]
    if tenant.sign_in is SignIn.LEAVE:
        assert not list(plan.of(Action.BLOCK))
    for other in plan.of(Action.UPDATE, Action.RENAME):
        assert other.after("accountEnabled") is None


@pytest.mark.untraced
@given(SOURCE, tenants())
def test_the_run_counts_as_left_whom_follow_would_block(
    source: list[SourceUser], tenant: ModelTenant
) -> None:
    tenant.sign_in, tenant.protection = SignIn.LEAVE, Protection()
    left = [p for p in surveyed(tenant, source).warnings if p.code == "warning.signInLeft"]
    tenant.sign_in = SignIn.FOLLOW
    blocked = {c.object_id for c in planned(tenant, source).of(Action.BLOCK)}

    here = {user.object_id for user in tenant.of_domain}
    assert sum(int(str(part.parameters["count"])) for part in left) >= len(blocked & here)


def test_the_default_map_does_not_hold_the_sign_in_state() -> None:
    assert "accountEnabled" not in MAP.attributes
    assert "accountEnabled" in MAP.selected


@pytest.mark.parametrize(
    ("overrides", "sign_in", "same"),
    [
        ({}, None, True),
        ({"surname": "family-name", "accountEnabled": None}, "leave", True),
        ({"surname": None}, None, False),
        ({"department": "Dept"}, None, False),
        ({"userPrincipalName": "Login"}, None, False),
        ({"onPremisesImmutableId": "Key"}, None, False),
        ({"sourceId": "Login"}, None, False),
        ({"accountEnabled": "Status"}, None, False),
        ({"accountEnabled": "!Status"}, "leave", False),
        ({}, "block", False),
    ],
)
def test_what_treats_people_otherwise_is_another_setting(
    overrides: dict[str, str | None], sign_in: str | None, same: bool
) -> None:
    terms = Terms(attribute_map=MAP, protection=Protection())

    other = replace(
        terms, attribute_map=AttributeMap.of(overrides), sign_in=SignIn(sign_in) if sign_in else None
    )

    assert (other.map_digest == terms.map_digest) is same
