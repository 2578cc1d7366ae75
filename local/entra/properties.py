"""Properties of a user: which exist, which a client may write, and which values are valid."""

import re
from datetime import datetime

from local.entra.errors import GraphError, Json, bad_request, invalid_value


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The maximum length, in characters, of each text that a client may write.
_LENGTHS = {
    "ageGroup": 20,
    "city": 128,
    "companyName": 64,
    "consentProvidedForMinor": 20,
    "country": 128,
    "department": 64,
    "displayName": 256,
    "employeeId": 16,
    "employeeType": 128,
    "faxNumber": 64,
    "givenName": 64,
    "jobTitle": 128,
    "mail": 256,
    "mailNickname": 64,
    "mobilePhone": 64,
    "officeLocation": 128,
    "onPremisesImmutableId": 256,
    "passwordPolicies": 64,
    "postalCode": 40,
    "preferredDataLocation": 16,
    "preferredLanguage": 64,
    "state": 128,
    "streetAddress": 1024,
    "surname": 64,
    "usageLocation": 2,
    "userPrincipalName": 113,
    "userType": 16,
}
_FLAGS = frozenset({"accountEnabled", "showInAddressList"})
_TIMES = frozenset({"employeeHireDate", "employeeLeaveDateTime"})
_LISTS = {"businessPhones": 64, "otherMails": 250}
_NEVER_EMPTY = frozenset({"accountEnabled", "displayName", "mailNickname", "userPrincipalName"})
_EXTENSION_ATTRIBUTES = frozenset(f"extensionAttribute{n}" for n in range(1, 16))

# Kept by Exchange, SharePoint or Entra itself: readable where selected, never written here.
_READ_ONLY = names(
    """
    id aboutMe assignedLicenses assignedPlans authorizationInfo birthday createdDateTime
    creationType customSecurityAttributes deletedDateTime deviceEnrollmentLimit employeeOrgData
    externalUserState externalUserStateChangeDateTime hireDate identities identityParentId
    imAddresses interests isManagementRestricted isResourceAccount lastPasswordChangeDateTime
    legalAgeGroupClassification licenseAssignmentStates mySite onPremisesDistinguishedName
    onPremisesDomainName onPremisesLastSyncDateTime onPremisesProvisioningErrors
    onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled
    onPremisesUserPrincipalName pastProjects preferredName print provisionedPlans proxyAddresses
    responsibilities schools securityIdentifier serviceProvisioningErrors signInActivity
    signInSessionsValidFromDateTime skills
    """
)
_WRITABLE = (
    frozenset(_LENGTHS)
    | _FLAGS
    | _TIMES
    | frozenset(_LISTS)
    | {"onPremisesExtensionAttributes", "passwordProfile"}
)
USER_PROPERTIES = _READ_ONLY | _WRITABLE

# Properties of an administrator that an app may not change, whatever its permissions.
# https://learn.microsoft.com/graph/api/resources/users#who-can-perform-sensitive-actions
SENSITIVE = names(
    """
    accountEnabled businessPhones mobilePhone onPremisesImmutableId otherMails passwordProfile
    userPrincipalName
    """
)

_REQUIRED_ON_CREATE = (
    "accountEnabled",
    "displayName",
    "mailNickname",
    "passwordProfile",
    "userPrincipalName",
)
_UPN_LOCAL_PART = re.compile(r"[A-Za-z0-9'._!#^~-]+")
# No period first: "Prepare for directory synchronization to Microsoft 365".
_NICKNAME = re.compile(r"(?!\.)[!-~]+")
_CONTROLS, _CONTROLS_BUT_LINES = (
    re.compile(r"[\x00-\x1f\x7f-\x9f]"),
    re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]"),
)
_NICKNAME_FORBIDDEN = frozenset('@()\\/[]";:<>,')


def checked_user(body: Json, *, creating: bool) -> Json:
    """The body as it is stored: trimmed, with every property known, writable and of valid type and length.

    `passwordProfile` is returned without its password, which has been checked. Raises GraphError 400 if invalid.
    """
    if creating:
        for name in _REQUIRED_ON_CREATE:
            if body.get(name) is None:
                raise invalid_value(name, f"A value is required for property '{name}' of resource 'User'.")
    return {
        name: _checked(name, value, creating=creating)
        for name, value in body.items()
        if not _is_annotation(name, value, "microsoft.graph.user")
    }


def split_upn(upn: str) -> tuple[str, str]:
    """Local part and lower-case domain of a UPN. Raises GraphError 400 if it is malformed."""
    local, at, domain = upn.partition("@")
    well_formed = at and domain and "@" not in domain and _UPN_LOCAL_PART.fullmatch(local)
    # A period directly before the @ is refused, although it is an allowed character.
    if not well_formed or len(local) > 64 or len(upn) > 113 or local.endswith("."):
        raise invalid_value("userPrincipalName", "Property userPrincipalName is invalid.")
    return local, domain.lower()


def _is_annotation(name: str, value: object, type_name: str) -> bool:
    if name != "@odata.type":
        return False
    if not isinstance(value, str) or value.removeprefix("#") != type_name:
        raise bad_request(f"A resource of type '{value}' cannot be written here; '{type_name}' is expected.")
    return True


def _checked(name: str, value: object, *, creating: bool) -> object:
    if name in _READ_ONLY:
        raise bad_request(f"Property '{name}' is read-only and cannot be set.")
    if name not in _WRITABLE:
        raise bad_request(f"One or more property values specified are invalid: 'User' has no '{name}'.")
    if name == "passwordProfile":
        return _checked_password_profile(value, creating=creating)
    if name in _LISTS:
        return _checked_list(name, value)
    if value is None:
        # A new user may have no usageLocation, but it can't be removed later (hashicorp/terraform-provider-azuread).
        if name in _NEVER_EMPTY or (name == "usageLocation" and not creating):
            raise invalid_value(name)
        return None
    if name in _FLAGS:
        if not isinstance(value, bool):
            raise _wrong_type(name, "Edm.Boolean")
        return value
    if name == "onPremisesExtensionAttributes":
        return _checked_extension_attributes(value)
    if not isinstance(value, str):
        raise _wrong_type(name, "Edm.DateTimeOffset" if name in _TIMES else "Edm.String")
    return _checked_time(name, value) if name in _TIMES else _checked_text(name, value)


def _checked_text(name: str, value: str) -> str:
    text = value.rstrip()
    if not text or len(text) > _LENGTHS[name]:
        raise invalid_value(name)
    if (_CONTROLS if name != "streetAddress" else _CONTROLS_BUT_LINES).search(text):
        raise invalid_value(name)
    if name == "usageLocation" and not re.fullmatch(r"[A-Za-z]{2}", text):
        raise invalid_value(name)
    if name == "mailNickname" and (not _NICKNAME.fullmatch(text) or _NICKNAME_FORBIDDEN & set(text)):
        raise invalid_value(name)
    if name == "onPremisesImmutableId" and {"$", "_"} & set(text):
        raise invalid_value(name)
    if name == "userType" and text not in {"Member", "Guest"}:
        raise invalid_value(name)
    return text


def _checked_time(name: str, value: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise invalid_value(name) from None
    if moment.tzinfo is None:
        raise invalid_value(name)
    return value


def _checked_list(name: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong_type(name, "Collection(Edm.String)")
    items = [item.rstrip() for item in value]
    if any(not item or len(item) > _LISTS[name] for item in items):
        raise invalid_value(name)
    if name == "businessPhones" and len(items) > 1:
        raise invalid_value(name)
    return items


def _checked_extension_attributes(value: object) -> Json:
    if not isinstance(value, dict):
        raise _wrong_type("onPremisesExtensionAttributes", "microsoft.graph.onPremisesExtensionAttributes")
    attributes: Json = {}
    for name, text in value.items():
        if _is_annotation(name, text, "microsoft.graph.onPremisesExtensionAttributes"):
            continue
        if name not in _EXTENSION_ATTRIBUTES:
            raise bad_request(f"'onPremisesExtensionAttributes' has no '{name}'.")
        if text is not None and (not isinstance(text, str) or not 0 < len(text.rstrip()) <= 1024):
            raise invalid_value(name)
        attributes[name] = text.rstrip() if isinstance(text, str) else None
    return attributes


def _checked_password_profile(value: object, *, creating: bool) -> Json:
    if not isinstance(value, dict):
        raise _wrong_type("passwordProfile", "microsoft.graph.passwordProfile")
    kept: Json = {}
    for name, entry in value.items():
        if _is_annotation(name, entry, "microsoft.graph.passwordProfile"):
            continue
        if name in {"forceChangePasswordNextSignIn", "forceChangePasswordNextSignInWithMfa"}:
            if not isinstance(entry, bool):
                raise _wrong_type(name, "Edm.Boolean")
            kept[name] = entry
        elif name != "password":
            raise bad_request(f"'passwordProfile' has no '{name}'.")
    password = value.get("password")
    if (creating or password is not None) and not _is_complex(password):
        raise invalid_value(
            "passwordProfile",
            "The specified password does not comply with password complexity requirements. "
            "Please provide a different password.",
        )
    return kept


def _is_complex(password: object) -> bool:
    if not isinstance(password, str) or not 8 <= len(password) <= 256:
        return False
    classes = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]")
    return sum(bool(re.search(each, password)) for each in classes) >= 3


def _wrong_type(name: str, expected: str) -> GraphError:
    return bad_request(f"Cannot convert the value of '{name}' to the expected type '{expected}'.")
