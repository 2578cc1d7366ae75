"""What Graph returns for each type of object: all properties, the default ones, and those it can filter by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from local.entra.errors import Json, bad_request
from local.entra.properties import USER_PROPERTIES

TYPE = "@odata.type"


@dataclass(frozen=True, slots=True)
class Resource:
    """`lists`: properties that are an empty list, not null, if they have no value."""

    name: str
    properties: frozenset[str]
    defaults: tuple[str, ...]
    lists: frozenset[str] = frozenset()
    filterable: frozenset[str] = frozenset()
    expandable: frozenset[str] = frozenset()

    def selected(self, query: Mapping[str, str], lacking: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """The names in $select and $expand. Raises GraphError 400 for one that does not exist, or not in this cloud."""
        names = self.defaults
        if "$select" in query:
            names = _names_in(
                query["$select"], self.properties - lacking if lacking else self.properties, self.name
            )
        expanded = query.get("$expand")
        if expanded is None:
            return names
        if expanded not in self.expandable:
            raise bad_request(f"The $expand '{expanded}' is not supported on 'microsoft.graph.{self.name}'.")
        return (*names, expanded)

    def shown(self, stored: Mapping[str, object], names: Iterable[str]) -> Json:
        """With @odata.type where the object is of a derived type."""
        derived = {TYPE: stored[TYPE]} if TYPE in stored else {}
        return derived | {name: stored.get(name, [] if name in self.lists else None) for name in names}

    def typed(self, stored: Mapping[str, object], names: Iterable[str] | None = None) -> Json:
        """Like `shown`, with @odata.type, as in a collection of several types."""
        return {TYPE: f"#microsoft.graph.{self.name}", **self.shown(stored, names or self.defaults)}


@lru_cache(maxsize=256)
def _names_in(select: str, known: frozenset[str], of_type: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in select.split(",")))
    for name in names:
        if name not in known:
            raise bad_request(
                f"Could not find a property named '{name}' on type 'microsoft.graph.{of_type}'."
            )
    return names


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


USER = Resource(
    "user",
    USER_PROPERTIES,
    defaults=_names(
        "businessPhones displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage "
        "surname userPrincipalName id"
    ),
    lists=frozenset(
        _names(
            "assignedLicenses assignedPlans businessPhones identities imAddresses licenseAssignmentStates "
            "onPremisesProvisioningErrors otherMails provisionedPlans proxyAddresses "
            "serviceProvisioningErrors"
        )
    ),
    filterable=frozenset(
        _names(
            "accountEnabled city companyName country createdDateTime department displayName employeeId "
            "employeeType givenName id jobTitle mail mailNickname mobilePhone officeLocation "
            "onPremisesImmutableId onPremisesSyncEnabled otherMails postalCode preferredLanguage "
            "proxyAddresses state streetAddress surname usageLocation userPrincipalName userType"
        )
    ),
)
_GROUP_DEFAULTS = _names(
    "id deletedDateTime classification createdDateTime description displayName groupTypes "
    "isAssignableToRole mail mailEnabled mailNickname membershipRule onPremisesSyncEnabled proxyAddresses "
    "securityEnabled visibility"
)
GROUP = Resource(
    "group",
    frozenset(_GROUP_DEFAULTS) | {"uniqueName", "preferredLanguage", "onPremisesDomainName"},
    defaults=_GROUP_DEFAULTS,
    lists=frozenset({"groupTypes", "proxyAddresses"}),
    filterable=frozenset(
        _names(
            "displayName groupTypes id isAssignableToRole mail mailEnabled mailNickname proxyAddresses "
            "securityEnabled"
        )
    ),
)
_CONTACT_DEFAULTS = _names("id companyName displayName givenName mail mailNickname proxyAddresses surname")
CONTACT = Resource("orgContact", frozenset(_CONTACT_DEFAULTS), _CONTACT_DEFAULTS)
_APPLICATION_DEFAULTS = _names(
    "id appId createdDateTime displayName identifierUris publisherDomain signInAudience"
)
APPLICATION = Resource(
    "application",
    frozenset(_APPLICATION_DEFAULTS) | {"description", "notes", "tags"},
    defaults=_APPLICATION_DEFAULTS,
    lists=frozenset({"identifierUris", "tags"}),
    filterable=frozenset({"appId", "displayName", "id", "identifierUris"}),
)
_SERVICE_PRINCIPAL_DEFAULTS = _names(
    "id accountEnabled alternativeNames appDisplayName appId appOwnerOrganizationId appRoleAssignmentRequired "
    "createdDateTime deletedDateTime displayName servicePrincipalNames servicePrincipalType signInAudience tags"
)
SERVICE_PRINCIPAL = Resource(
    "servicePrincipal",
    frozenset(_SERVICE_PRINCIPAL_DEFAULTS),
    defaults=_SERVICE_PRINCIPAL_DEFAULTS,
    lists=frozenset({"alternativeNames", "servicePrincipalNames", "tags"}),
)
_DOMAIN_DEFAULTS = _names(
    "authenticationType availabilityStatus id isAdminManaged isDefault isInitial isRoot isVerified "
    "manufacturer model passwordNotificationWindowInDays passwordValidityPeriodInDays state supportedServices"
)
DOMAIN = Resource("domain", frozenset(_DOMAIN_DEFAULTS), _DOMAIN_DEFAULTS)
_ORGANIZATION_DEFAULTS = _names(
    "id countryLetterCode createdDateTime displayName onPremisesLastSyncDateTime onPremisesSyncEnabled "
    "tenantType verifiedDomains"
)
ORGANIZATION = Resource("organization", frozenset(_ORGANIZATION_DEFAULTS), _ORGANIZATION_DEFAULTS)
_ROLE_ASSIGNMENT_DEFAULTS = _names(
    "id principalId principalOrganizationId roleDefinitionId directoryScopeId appScopeId"
)
ROLE_ASSIGNMENT = Resource(
    "unifiedRoleAssignment",
    frozenset(_ROLE_ASSIGNMENT_DEFAULTS) | {"condition"},
    _ROLE_ASSIGNMENT_DEFAULTS,
    filterable=frozenset({"principalId", "roleDefinitionId"}),
    expandable=frozenset({"principal", "roleDefinition"}),
)
_ELIGIBILITY = _names("id principalId startDateTime endDateTime memberType")
_ROLE_ELIGIBILITY_DEFAULTS = (
    *_ELIGIBILITY,
    *_names("roleDefinitionId directoryScopeId appScopeId roleEligibilityScheduleId"),
)
ROLE_ELIGIBILITY = Resource(
    "unifiedRoleEligibilityScheduleInstance",
    frozenset(_ROLE_ELIGIBILITY_DEFAULTS),
    _ROLE_ELIGIBILITY_DEFAULTS,
    filterable=frozenset({"principalId", "roleDefinitionId"}),
    expandable=frozenset({"principal", "roleDefinition"}),
)
_GROUP_ELIGIBILITY_DEFAULTS = (*_ELIGIBILITY, *_names("accessId groupId eligibilityScheduleId"))
GROUP_ELIGIBILITY = Resource(
    "privilegedAccessGroupEligibilityScheduleInstance",
    frozenset(_GROUP_ELIGIBILITY_DEFAULTS),
    _GROUP_ELIGIBILITY_DEFAULTS,
    filterable=frozenset({"groupId", "principalId", "accessId"}),
)
_ROLE_DEFAULTS = _names("id deletedDateTime description displayName roleTemplateId")
DIRECTORY_ROLE = Resource("directoryRole", frozenset(_ROLE_DEFAULTS), _ROLE_DEFAULTS)
MAILBOX_SETTINGS = Resource(
    "mailboxSettings",
    frozenset(
        _names("archiveFolder automaticRepliesSetting dateFormat language timeFormat timeZone userPurpose")
    ),
    _names("dateFormat language timeFormat timeZone userPurpose"),
)
