"""The app holds what it needs and no more; there is no key, password or public container to find."""

import json
import re

from shared.http import endpoints
from tests.infra.bicep import INFRA, TEMPLATES, Expression, Value, dig, read

# Built-in roles by the ids that Azure gave them.
AZURE_ROLES = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Blob Delegator": "db58b8e5-c6ad-4a2a-8342-4190687cbf4a",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_azure_roles_are_the_ones_that_are_needed() -> None:
    """Every GUID of the Azure half is a role, so none can be assigned unnoticed."""
    found = {
        guid for path in INFRA.glob("*.bicep") for guid in GUID.findall(path.read_text(encoding="utf-8"))
    }
    assert found == set(AZURE_ROLES.values())


def test_storage_roles_are_called_what_they_are() -> None:
    roles = read(INFRA / "storage-access.bicep").variables["roles"]
    assert isinstance(roles, list)
    for role in roles:
        assert dig(role, "id") == AZURE_ROLES[str(dig(role, "name"))]


def test_a_role_is_assigned_on_one_resource_and_to_the_app_alone() -> None:
    for path in TEMPLATES:
        template = read(path)
        for assignment in template.resources.values():
            if assignment.type != "Microsoft.Authorization/roleAssignments":
                continue
            scope = assignment.body["scope"]
            assert isinstance(scope, Expression)
            assert scope.text in template.resources, "without a scope it would be the resource group"
            assert dig(assignment.body, "properties", "principalType") == "ServicePrincipal"


def test_no_template_reads_a_key() -> None:
    for path in TEMPLATES:
        assert not re.search(r"\blist(Keys|AccountSas|ServiceSas|Secrets)?\(|AccountKey", path.read_text()), (
            path.name
        )


def test_storage_takes_no_key_no_stranger_and_no_old_tls() -> None:
    account = dig(read(INFRA / "storage.bicep").resources["account"].body, "properties")
    assert dig(account, "allowSharedKeyAccess") is False
    assert dig(account, "allowBlobPublicAccess") is False
    assert dig(account, "supportsHttpsTrafficOnly") is True
    assert dig(account, "minimumTlsVersion") == "TLS1_2"
    assert (
        dig(read(INFRA / "storage.bicep").resources["container"].body, "properties", "publicAccess") == "None"
    )


def test_logs_are_written_and_read_with_entra_tokens_only() -> None:
    workspace = read(INFRA / "workspace.bicep").resources["workspace"]
    resources = read(INFRA / "monitoring.bicep").resources
    assert dig(workspace.body, "properties", "features", "disableLocalAuth") is True
    assert dig(resources["applicationInsights"].body, "properties", "DisableLocalAuth") is True


def test_packages_are_published_without_passwords() -> None:
    resources = read(INFRA / "app.bicep").resources
    for name, channel in (("ftpPublishing", "ftp"), ("scmPublishing", "scm")):
        assert resources[name].body["name"] == channel
        assert dig(resources[name].body, "properties", "allow") is False


def test_sign_in_stands_before_everything_that_asks_for_a_role_and_keeps_no_token() -> None:
    settings = dig(read(INFRA / "sign-in.bicep").resources["authentication"].body, "properties")
    assert dig(settings, "globalValidation", "requireAuthentication") == Expression("on")
    assert dig(settings, "login", "tokenStore", "enabled") is False


def test_what_is_left_out_of_sign_in_never_looks_at_who_calls() -> None:
    """Or a caller's own principal header would be believed there."""
    excluded = dig(_validation(), "excludedPaths")
    assert isinstance(excluded, list)
    open_to_all = (endpoints.get_health, endpoints.get_console, endpoints.get_console_asset)
    assert excluded == [re.sub(r"\{\w+\}", "*", f"/api/{endpoint.path}") for endpoint in open_to_all]
    for endpoint in endpoints.ENDPOINTS:
        path = re.sub(r"\{\w+\}", "x", f"/api/{endpoint.path}")
        if any(re.fullmatch(re.escape(str(pattern)).replace(r"\*", ".*"), path) for pattern in excluded):
            assert endpoint.role is None, endpoint.path


def test_who_is_not_signed_in_is_refused_in_a_way_that_a_script_understands() -> None:
    assert dig(_validation(), "unauthenticatedClientAction") == "Return401"


def _validation() -> Value:
    resource = read(INFRA / "sign-in.bicep").resources["authentication"]
    return dig(resource.body, "properties", "globalValidation")


def test_only_those_with_a_role_get_a_token_and_nobody_has_a_secret() -> None:
    resources = read(INFRA / "graph" / "sign-in.bicep").resources
    assert dig(resources["servicePrincipal"].body, "appRoleAssignmentRequired") is True
    assert dig(resources["registration"].body, "signInAudience") == "AzureADMyOrg"
    assert not {"passwordCredentials", "keyCredentials"} & set(resources["registration"].body)


def test_each_graph_permission_says_which_feature_needs_it() -> None:
    permissions = json.loads((INFRA / "graph" / "permissions.json").read_text(encoding="utf-8"))
    assert all(
        set(permission) == {"name", "neededFor"} and permission["neededFor"] for permission in permissions
    )
    assert len({permission["name"] for permission in permissions}) == len(permissions)
    writing = {permission["name"] for permission in permissions if "Write" in permission["name"]}
    assert writing == {"User.ReadWrite.All"}
