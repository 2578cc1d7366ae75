"""An account that another domain remembers is nobody's leaver and nobody's namesake here."""

from tests.support.stack import Json, StartStack, in_entra, in_source

OTHER = "fabrikam.com"
DOMAINS: list[Json] = [{"id": "contoso.com", "isDefault": True}, {"id": OTHER}]


async def test_whom_the_source_has_on_another_domain_is_not_deleted_where_entra_has_them(
    start_stack: StartStack,
) -> None:
    stack = await start_stack(
        source=[in_source("aoki"), in_source("baba", OTHER), in_source("chiba", OTHER)],
        entra=[in_entra("aoki"), in_entra("baba", OTHER), in_entra("chiba", OTHER)],
        domains=DOMAINS,
    )
    await stack.sync(OTHER)
    baba = stack.entra.directory.user(f"baba@{OTHER}")
    assert baba is not None
    stack.entra.directory.update(baba, {"userPrincipalName": "baba@contoso.com"})
    await stack.set(maxAllowedDeletions=100)

    run = await stack.sync()

    assert (run.status, run.counts.delete, run.counts.skipped) == ("succeeded", 0, 1)
    assert "baba@contoso.com" in stack.users()


async def test_a_person_does_not_become_the_account_that_only_has_their_name(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[in_source("taro", OTHER), in_source("aoki"), in_source("hanako", OTHER)],
        entra=[in_entra("taro", OTHER), in_entra("aoki"), in_entra("hanako", OTHER)],
        domains=DOMAINS,
    )
    await stack.sync(OTHER)
    stack.entra.directory.create({**in_entra("taro", displayName="somebody else"), **_NEW})
    stack.access_control.users.edit("taro", {"user_principal_name": "taro@contoso.com"})

    run = await stack.sync()

    assert (run.counts.update, run.counts.skipped) == (0, 1)
    assert stack.users()["taro@contoso.com"]["displayName"] == "somebody else"


_NEW = {
    "accountEnabled": True,
    "mailNickname": "taro",
    "passwordProfile": {"password": "Correct-Horse-7"},
}
