"""The field that names people is the UPN or Email, for the whole source, until an administrator confirms another."""

from local.host import HostProcess
from tests.support.outcomes import errors_of, names, treated
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

PEOPLE = [f"user{number}" for number in range(8)]


def mailed(name: str) -> Json:
    """Somebody whose Email is another address than their UPN."""
    return in_source(name, email=f"{name}.mail@{CONTOSO}")


def lose_upn(stack: Stack, *people: str) -> None:
    for name in people:
        user = stack.access_control.users[name]
        stack.access_control.users.put(user.model_copy(update={"user_principal_name": ""}))


async def synchronised(start_stack: StartStack) -> Stack:
    stack = await start_stack(
        source=[mailed(name) for name in PEOPLE], entra=[in_entra(name) for name in PEOPLE]
    )
    assert (await stack.sync()).status == "succeeded"
    return stack


class TestAUpnThatVanishes:
    async def test_fails_every_run_and_applies_nothing_until_it_is_back(
        self, start_stack: StartStack
    ) -> None:
        stack = await synchronised(start_stack)
        lose_upn(stack, *PEOPLE)

        failed = [await stack.sync(), await stack.dry_run()]
        for name in PEOPLE:
            user = stack.access_control.users[name]
            back = {"user_principal_name": f"{name}@{CONTOSO}"}
            stack.access_control.users.put(user.model_copy(update=back))
        done = await stack.sync()

        assert [run.status for run in failed] == ["failed", "failed"]
        assert all("set UPN_FROM to the field that is to name people" in run.message for run in failed)
        assert (done.status, stack.writes()) == ("succeeded", [])

    async def test_for_six_of_eight_fails_and_for_two_leaves_those_their_upn(
        self, start_stack: StartStack
    ) -> None:
        stack = await synchronised(start_stack)
        lose_upn(stack, *PEOPLE[:2])
        few = await stack.sync()
        lose_upn(stack, *PEOPLE[2:])

        many = await stack.sync()

        assert [few.status, many.status] == ["succeeded", "failed"]
        assert "People in the source without a UPN, where others have one: 2" in few.message
        assert names(stack.users()) == set(PEOPLE)

    async def test_is_confirmed_by_upn_from_and_remembered(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source(name, email=f"{name}@{CONTOSO}") for name in PEOPLE],
            entra=[in_entra(name) for name in PEOPLE],
            host=False,
        )
        with HostProcess(stack.settings) as host:
            stack.connect(host)
            assert (await stack.sync()).status == "succeeded"
            lose_upn(stack, *PEOPLE)
            failed = await stack.sync()
        with HostProcess({**stack.settings, "UPN_FROM": "email"}) as host:
            stack.connect(host)
            confirmed = await stack.sync()
        with HostProcess(stack.settings) as host:
            stack.connect(host)
            after = await stack.sync()

        assert [failed.status, confirmed.status, after.status] == ["failed", "succeeded", "succeeded"]
        assert stack.writes() == []

    async def test_is_confirmed_by_the_stored_setting_too(self, start_stack: StartStack) -> None:
        stack = await synchronised(start_stack)
        lose_upn(stack, *PEOPLE)
        failed = await stack.sync()

        answer = await stack.patch("settings", {"upnFrom": "email"})
        confirmed = await stack.dry_run()

        assert answer.json()["upnFrom"] == {"value": "email", "from": "stored"}
        assert [failed.status, confirmed.status] == ["failed", "succeeded"]
        assert confirmed.counts.rename == len(PEOPLE)


class TestASourceOfBoth:
    async def test_finds_those_without_a_upn_by_email_but_adds_and_renames_none_of_them(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[
                in_source("aoki"),
                in_source("baba", user_principal_name="", email=f"baba@{CONTOSO}", family_name="New"),
                in_source("chiba", user_principal_name="", email=f"chiba@{CONTOSO}"),
            ],
            entra=[in_entra("aoki"), in_entra("baba")],
        )

        run = await stack.sync()

        assert await treated(stack, run) == {"baba": ("update", "succeeded"), "chiba": ("skip", "skipped")}
        assert names(stack.users()) == {"aoki", "baba"}
        assert "where others have one: 2, such as baba, chiba." in run.message

    async def test_of_email_alone_is_synchronised_by_it_and_an_explicit_upn_is_used_and_said(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source(name, user_principal_name="", email=f"{name}@{CONTOSO}") for name in PEOPLE[:3]]
        )
        first = await stack.sync()
        user = stack.access_control.users[PEOPLE[0]]
        stack.access_control.users.put(user.model_copy(update={"user_principal_name": f"own@{CONTOSO}"}))

        second = await stack.sync()

        assert (first.status, first.counts.add, first.warnings) == ("succeeded", 3, ())
        assert (second.status, second.counts.rename) == ("succeeded", 1)
        assert "those who have a UPN are named by it: 1." in second.message
        assert names(stack.users()) == {"own", *PEOPLE[1:3]}
        assert await errors_of(stack, second) == {}
