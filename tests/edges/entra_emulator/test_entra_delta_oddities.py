"""What may be odd about delta queries, and that a client which follows the links knows everybody all the same."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from local.entra import Entra, Fault, FaultPlan, User
from local.entra.delta_rounds import LIFETIME_SECONDS
from local.entra.errors import GraphError, Json

from .following import Follower, StoppedClock, asked, error, in_truth, page, rows, tenant
from .graph import graph, new_user, people, person

SELECT = "userPrincipalName,displayName,surname,assignedLicenses,deletedDateTime"


def followed(*rules: Mapping[str, object], users: int = 3) -> tuple[Follower, list[User], StoppedClock]:
    """A client that knows everybody, before the first fault."""
    entra, clock = tenant(users=people(users))
    follower = Follower(entra, SELECT)
    follower.round()
    entra.faults.load(FaultPlan.model_validate({"rules": rules}))
    return follower, list(entra.directory.users.values()), clock


def ids(found: list[Json]) -> list[object]:
    return [row["id"] for row in found]


class TestEachOddity:
    def test_empty_pages_come_before_the_last_one_even_if_nothing_changed(self) -> None:
        follower, _, _ = followed({"kind": "emptyPage", "nth": [1, 2]})
        follower.round()
        assert follower.pages == [[], [], []]

    def test_a_replay_tells_again_what_had_changed_before(self) -> None:
        follower, (one, other, _), _ = followed()
        follower.entra.directory.update(one, {"surname": "青木"})
        follower.round()
        follower.entra.faults.add(Fault(kind="replay", objects=20))
        follower.entra.directory.update(other, {"surname": "馬場"})
        follower.round()
        (told,) = follower.pages
        assert len(told) == 21
        assert set(ids(list(told))) == {one.id, other.id}
        assert follower.users == in_truth(follower.entra, SELECT)

    def test_an_older_state_can_come_after_a_newer_one_until_the_next_round(self) -> None:
        follower, (one, other, third), _ = followed({"kind": "outOfOrder", "count": 1})
        directory = follower.entra.directory
        former = follower.users[one.id]
        directory.update(one, {"displayName": "New"})
        directory.delete(other)
        directory.delete(third)
        directory.restore(third, None, drop_conflicting_addresses=False)
        follower.round()
        assert len(follower.pages[0]) == 6
        assert former in follower.pages[0]
        assert follower.users[one.id] == former
        assert other.id in follower.users
        assert third.id not in follower.users
        follower.round()
        assert follower.users == in_truth(follower.entra, SELECT)

    def test_only_what_changed_can_come(self) -> None:
        follower, (one, *_), _ = followed({"kind": "onlyChanged"})
        follower.entra.directory.update(one, {"surname": "青木"})
        created = follower.entra.directory.create(new_user())
        follower.round()
        (told,) = follower.pages
        assert told == [{"id": one.id, "surname": "青木"}, in_truth(follower.entra, SELECT)[created.id]]

    def test_a_first_round_can_have_removed_users(self) -> None:
        entra, _ = tenant(users=people(2), deletedUsers=[person("gone")])
        (gone,) = entra.directory.deleted
        link = str(page(entra, "/users/delta?$select=id&$deltatoken=latest")["@odata.deltaLink"])
        one, _ = list(entra.directory.users.values())
        entra.directory.delete(one)
        entra.directory.purge(one)
        page(entra, link)
        assert not any("@removed" in row for row in rows(page(entra, "/users/delta")))
        entra.faults.add(Fault(kind="removedAtFirst"))
        reasons = {
            row["id"]: row["@removed"] for row in rows(page(entra, "/users/delta")) if "@removed" in row
        }
        assert reasons == {gone: {"reason": "changed"}, one.id: {"reason": "deleted"}}

    def test_a_change_can_be_told_late(self) -> None:
        follower, (one, other, _), clock = followed({"kind": "lateChange", "seconds": 60, "nth": 1})
        follower.entra.directory.update(one, {"surname": "青木"})
        follower.entra.directory.update(other, {"surname": "馬場"})
        follower.round()
        assert ids(list(follower.pages[0])) == [other.id]
        clock.seconds += 59
        follower.round()
        assert follower.pages == [[]]
        clock.seconds += 1
        follower.round()
        assert ids(list(follower.pages[0])) == [one.id]

    def test_a_change_can_be_missed_altogether(self) -> None:
        follower, (one, other, _), clock = followed({"kind": "missedChange", "nth": 1})
        follower.entra.directory.delete(one)
        follower.entra.directory.update(other, {"surname": "馬場"})
        for _ in range(2):
            follower.round()
            clock.seconds += 3_600
        assert follower.users.keys() - in_truth(follower.entra, SELECT).keys() == {one.id}

    async def test_a_delta_query_can_know_a_user_whom_reads_do_not(self) -> None:
        async with graph(faults={"freshNotFoundSeconds": 60}) as g:
            link = (await g.get("/users/delta?$deltatoken=latest")).json()["@odata.deltaLink"]
            await g.post("/users", new_user("a"))
            (told,) = (await g.get(link)).json()["value"]
            assert (await g.patch(f"/users/{told['id']}", surname="A")).status_code == 404

    @pytest.mark.parametrize(
        ("status", "code"), [(400, "syncStateNotFound"), (404, "syncStateNotFound"), (410, "resyncRequired")]
    )
    def test_a_token_can_be_lost_for_good(self, status: int, code: str) -> None:
        follower, _, _ = followed({"kind": "lostToken", "status": status, "count": 1})
        lost = follower.link
        assert [error(follower.entra, lost) for _ in range(2)] == [(status, code)] * 2
        assert ("Location" in asked(follower.entra, lost).headers) == (status == 410)
        follower.round()
        assert follower.link != lost
        assert follower.users == in_truth(follower.entra, SELECT)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"kind": "lostToken"},
            {"kind": "status", "status": 410},
            {"kind": "lateChange"},
            {"kind": "replay", "objects": 0},
        ],
    )
    def test_an_oddity_that_cannot_be_is_refused(self, wrong: Json) -> None:
        with pytest.raises(ValidationError):
            Fault.model_validate(wrong)


# All but a missed change: nobody who follows the links alone could know of that.
ODDITIES: dict[str, Json] = {
    "emptyPage": {},
    "replay": {"objects": 3},
    "outOfOrder": {},
    "onlyChanged": {},
    "removedAtFirst": {},
    "lateChange": {"seconds": 90},
    "lostToken": {"status": 410, "count": 2},
}
# Some kinds at a time, each at a rate of its own: all at once would hide each other.
SWARMS = st.dictionaries(st.sampled_from(sorted(ODDITIES)), st.sampled_from([0.2, 0.5, 0.7]), max_size=4)
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "create",
                "update",
                "clear",
                "rename",
                "license",
                "delete",
                "restore",
                "purge",
                "wait",
                "round",
                "round",
            ]
        ),
        st.integers(0, 30),
        st.sampled_from(["青木", "馬場", "千葉"]),
    ),
    max_size=40,
)


@given(deeds=DEEDS, swarm=SWARMS, size=st.integers(1, 4), seed=st.integers(0, 2**32))
def test_who_follows_the_links_knows_everybody(
    deeds: list[tuple[str, int, str]], swarm: dict[str, float], size: int, seed: int
) -> None:
    rules = [{"kind": kind, "probability": rate, **ODDITIES[kind]} for kind, rate in swarm.items()]
    plan = {"seed": seed, "deltaPageSize": size, "rules": rules}
    entra, clock = tenant(users=people(4), faults=plan)
    follower = Follower(entra, SELECT)
    for deed, number, value in deeds:
        if deed == "round":
            follower.round()
        elif deed == "wait":
            clock.seconds += LIFETIME_SECONDS / 2 if number == 0 else number
        else:
            do(entra, deed, number, value)
    follower.round()
    entra.faults.load(FaultPlan(delta_page_size=size))
    clock.seconds += 90
    follower.round()
    assert follower.users == in_truth(entra, SELECT)


def do(entra: Entra, deed: str, number: int, value: str) -> None:
    """Nothing where there is nobody to do it to, or where Entra refuses."""
    directory = entra.directory
    bin_or_not = directory.deleted if deed in {"restore", "purge"} else directory.users
    candidates = list(bin_or_not.values())
    if deed == "create" and not directory.user(f"new{number}@contoso.com"):
        directory.create(new_user(f"new{number}", surname=None, displayName=value))
    if deed == "create" or not candidates:
        return
    user = candidates[number % len(candidates)]
    try:
        match deed:
            case "update":
                directory.update(user, {"displayName": value, "surname": value})
            case "clear":
                directory.update(user, {"surname": None})
            case "rename":
                directory.update(user, {"userPrincipalName": f"renamed{number}@contoso.com"})
            case "license":
                directory.set_properties(user, {"assignedLicenses": [{"skuId": value}]})
            case "delete":
                directory.delete(user)
            case "restore":
                directory.restore(user, None, drop_conflicting_addresses=False)
            case _:
                directory.purge(user)
    except GraphError as refused:
        assert refused.status == 400, refused
