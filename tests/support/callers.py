"""The header in which App Service authentication describes the caller to the app."""

import base64
import json

OBJECT_ID = "11111111-1111-4111-8111-111111111111"
OBJECT_ID_CLAIM = "http://schemas.microsoft.com/identity/claims/objectidentifier"
ROLE_CLAIM = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
HEADER = "X-MS-CLIENT-PRINCIPAL"
# The setting that the platform adds while App Service authentication is on.
IN_FRONT = {"WEBSITE_AUTH_ENABLED": "True"}


def signed_in(
    *roles: str, role_claim: str = "roles", name: str = "aoki@contoso.com", object_id: str = OBJECT_ID
) -> dict[str, str]:
    """A person with these roles."""
    claims = [("preferred_username", name), ("name", "青木 花子"), (OBJECT_ID_CLAIM, object_id)]
    return _header(claims, roles, role_claim)


def application(*roles: str) -> dict[str, str]:
    """A script with a client-credentials token, which names no person."""
    claims = [("azp", "nightly-job"), (OBJECT_ID_CLAIM, OBJECT_ID), ("idtyp", "app")]
    return _header(claims, roles, "roles")


def header_of(document: object) -> dict[str, str]:
    """The header with this document as its JSON, Base64-encoded."""
    return {HEADER: base64.b64encode(json.dumps(document).encode()).decode()}


def _header(claims: list[tuple[str, str]], roles: tuple[str, ...], role_claim: str) -> dict[str, str]:
    all_claims = [*claims, *((role_claim, role) for role in roles)]
    return header_of(
        {
            "auth_typ": "aad",
            "name_typ": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
            "role_typ": ROLE_CLAIM,
            "claims": [{"typ": kind, "val": value} for kind, value in all_claims],
        }
    )
