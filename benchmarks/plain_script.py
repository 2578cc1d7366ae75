"""The baseline: the same sync as a plain script, written as msgraph-sdk's documentation shows.

It uses models, the page iterator and one request per write. It has no dry run, limits, audit log or retries.
https://learn.microsoft.com/graph/sdks/paging?tabs=python, https://learn.microsoft.com/graph/api/user-post-users
"""

import secrets
from dataclasses import dataclass

import httpx
from kiota_abstractions.authentication import AuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.headers_collection import HeadersCollection
from kiota_abstractions.request_information import RequestInformation
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.user import User
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core.tasks.page_iterator import PageIterator

SELECT = [
    "id", "userPrincipalName", "displayName", "givenName", "surname", "accountEnabled", "onPremisesImmutableId",
]  # fmt: skip

Person = dict[str, str]


class EmulatorToken(AuthenticationProvider):
    """Replaces azure-identity; an emulator accepts any token."""

    async def authenticate_request(
        self, request: RequestInformation, _context: dict[str, object] | None = None
    ) -> None:
        request.headers.add("Authorization", "Bearer emulator")


@dataclass(frozen=True)
class Done:
    unchanged: int
    created: int


async def sync(settings: dict[str, str], domain: str) -> Done:
    """Creates and updates users; with nothing to do, it only reads and compares."""
    adapter = GraphRequestAdapter(EmulatorToken())
    adapter.base_url = settings["GRAPH_BASE_URL"]
    client = GraphServiceClient(request_adapter=adapter)
    source = await read_access_control(settings)
    target = await read_entra(client, domain)
    unchanged = created = 0
    for person in source:
        upn = person["user_principal_name"]
        if not upn.endswith(f"@{domain}"):
            continue
        user = target.get(upn.lower())
        if user is None:
            await client.users.post(new_user(person))
            created += 1
        elif user.id and differs(person, user):
            await client.users.by_user_id(user.id).patch(changed_user(person))
        else:
            unchanged += 1
    return Done(unchanged, created)


async def read_access_control(settings: dict[str, str]) -> list[Person]:
    people: list[Person] = []
    async with httpx.AsyncClient() as http:
        login = (settings["HENNGE_CLIENT_ID"], settings["HENNGE_CLIENT_SECRET"])
        form = {"grant_type": "client_credentials"}
        token = (await http.post(settings["HENNGE_TOKEN_URL"], auth=login, data=form)).json()["access_token"]
        cursor = ""
        while True:
            answer = await http.get(
                f"{settings['HENNGE_API_URL']}/users",
                params={"cursor": cursor} if cursor else None,
                headers={"Authorization": f"Bearer {token}"},
            )
            page = answer.raise_for_status().json()
            people.extend(page["items"])
            cursor = page.get("cursor")
            if not cursor:
                return people


async def read_entra(client: GraphServiceClient, domain: str) -> dict[str, User]:
    headers = HeadersCollection()
    headers.add("ConsistencyLevel", "eventual")
    configuration = RequestConfiguration(
        query_parameters=UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
            filter=f"endsWith(userPrincipalName,'@{domain}')", count=True, select=SELECT, top=999
        ),
        headers=headers,
    )
    users: dict[str, User] = {}

    def keep(user: User) -> bool:
        users[(user.user_principal_name or "").lower()] = user
        return True

    first = await client.users.get(request_configuration=configuration)
    if first and first.value:
        pages = PageIterator(first, client.request_adapter)
        pages.headers.add("ConsistencyLevel", "eventual")
        await pages.iterate(keep)
    return users


def differs(person: Person, user: User) -> bool:
    return (
        person["display_name"] != user.display_name
        or person["given_name"] != user.given_name
        or person["family_name"] != user.surname
        or (person["status"] == "enabled") != user.account_enabled
        or person["microsoft_immutable_id"] != user.on_premises_immutable_id
    )


def changed_user(person: Person) -> User:
    return User(
        display_name=person["display_name"],
        given_name=person["given_name"],
        surname=person["family_name"],
        account_enabled=person["status"] == "enabled",
        on_premises_immutable_id=person["microsoft_immutable_id"],
    )


def new_user(person: Person) -> User:
    user = changed_user(person)
    user.user_principal_name = person["user_principal_name"]
    user.mail_nickname = person["user_principal_name"].partition("@")[0]
    user.password_profile = PasswordProfile(
        force_change_password_next_sign_in=True, password=f"Aa1-{secrets.token_urlsafe(15)}"
    )
    return user
