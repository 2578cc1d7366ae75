"""/domains, what depends on a domain, /organization, and the tenant's applications."""

from collections.abc import Iterable

from local.entra import errors
from local.entra.calls import Answer, Call
from local.entra.directory import Domain
from local.entra.errors import Json
from local.entra.index import smtp_addresses
from local.entra.listing import check_options, list_objects
from local.entra.paging import MAX_TOP, collection
from local.entra.resources import (
    APPLICATION,
    DOMAIN,
    GROUP,
    ORGANIZATION,
    SERVICE_PRINCIPAL,
    USER,
    Resource,
)
from local.entra.state import Entra

_CASTS = {
    "microsoft.graph.user": USER,
    "microsoft.graph.group": GROUP,
}
_REFERENCE_OPTIONS = frozenset({"$select", "$skiptoken"})


def list_applications(entra: Entra, call: Call) -> Answer:
    return list_objects(entra, call, APPLICATION, lambda _: entra.directory.applications.values())


def read_service_principal(entra: Entra, call: Call) -> Answer:
    """By appId. https://learn.microsoft.com/graph/api/serviceprincipal-get"""
    query, app_id = call.query, call.arguments["appId"]
    check_options(query, frozenset({"$select"}))
    names = SERVICE_PRINCIPAL.selected(query)
    found = entra.directory.service_principals.get(app_id.lower())
    if found is None:
        raise errors.not_found(app_id)
    context: Json = {"@odata.context": f"{entra.url}/$metadata#servicePrincipals/$entity"}
    return Answer(200, context | SERVICE_PRINCIPAL.shown(found, names))


def list_domains(entra: Entra, call: Call) -> Answer:
    domains = [_as_json(domain) for domain in entra.directory.domains.values()]
    return list_objects(entra, call, DOMAIN, lambda _: domains)


def read_domain(entra: Entra, call: Call) -> Answer:
    query = call.query
    check_options(query, frozenset({"$select"}))
    context: Json = {"@odata.context": f"{entra.url}/$metadata#domains/$entity"}
    return Answer(200, context | DOMAIN.shown(_as_json(_find(entra, call)), DOMAIN.selected(query)))


def list_references(entra: Entra, call: Call) -> Answer:
    """The call without a cast returns 999 objects at most and does not say so: no nextLink, no count.

    https://github.com/microsoftgraph/msgraph-sdk-powershell/issues/2851
    """
    domain = _find(entra, call).name
    check_options(call.query, frozenset())
    found = [
        resource.typed(stored)
        for resource in (USER, GROUP, APPLICATION)
        for stored in _on_domain(entra, domain, resource)
    ]
    return Answer(200, collection("directoryObjects", entra.url, found[:MAX_TOP]))


def list_references_of_type(entra: Entra, call: Call) -> Answer:
    """Supports what is documented: the casts to user and group, and $select.

    https://learn.microsoft.com/graph/api/domain-list-domainnamereferences
    """
    check_options(call.query, _REFERENCE_OPTIONS)
    domain = _find(entra, call).name
    resource = _CASTS[call.segments[-1]]
    return list_objects(entra, call, resource, lambda _: _on_domain(entra, domain, resource))


def list_organization(entra: Entra, call: Call) -> Answer:
    tenant = entra.directory.tenant
    organization: Json = {
        "id": tenant.id,
        "countryLetterCode": "JP",
        "createdDateTime": "2020-04-01T00:00:00Z",
        "displayName": tenant.display_name,
        "onPremisesSyncEnabled": True if tenant.synced_from_ad else None,
        "onPremisesLastSyncDateTime": "2026-01-01T00:00:00Z" if tenant.synced_from_ad else None,
        "tenantType": "AAD",
        "verifiedDomains": [
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": domain.default,
                "isInitial": domain.initial,
                "name": domain.name,
                "type": domain.authentication_type,
            }
            for domain in entra.directory.domains.values()
            if domain.verified
        ],
    }
    return list_objects(entra, call, ORGANIZATION, lambda _: [organization])


def _find(entra: Entra, call: Call) -> Domain:
    domain = entra.directory.domains.get(call.arguments["domain"].lower())
    if domain is None:
        raise errors.not_found(call.arguments["domain"])
    return domain


def _as_json(domain: Domain) -> Json:
    return {
        "id": domain.name,
        "authenticationType": domain.authentication_type,
        "isAdminManaged": True,
        "isDefault": domain.default,
        "isInitial": domain.initial,
        "isRoot": True,
        "isVerified": domain.verified,
        "supportedServices": ["Email", "OfficeCommunicationsOnline"] if domain.verified else [],
        "passwordNotificationWindowInDays": 14,
        "passwordValidityPeriodInDays": 2147483647,
    }


def _on_domain(entra: Entra, domain: str, resource: Resource) -> Iterable[Json]:
    directory = entra.directory
    if resource is USER:
        return (user.properties for user in directory.everyone_on(domain))
    if resource is GROUP:
        return (g.properties for g in directory.groups.values() if _has_address_on(domain, g.properties))
    return (app for app in directory.applications.values() if _has_uri_on(domain, app))


def _has_address_on(domain: str, group: Json) -> bool:
    addresses = [str(group.get("mail") or "").lower(), *smtp_addresses(group)]
    return any(address.endswith(f"@{domain}") for address in addresses)


def _has_uri_on(domain: str, application: Json) -> bool:
    """Whether the application has an identifierUri on the domain, such as api://contoso.com/hr or https://contoso.com."""
    uris = application.get("identifierUris")
    hosts = (
        str(uri).partition("://")[2].partition("/")[0] for uri in (uris if isinstance(uris, list) else [])
    )
    return any(host.lower() == domain for host in hosts)
