"""Finds settings with which a deployment would fail half-way or do nothing, before anything is created.

    check_settings.py

azd runs it before each `azd provision`, in the environment that main.bicepparam reads. Before `az deployment group
create`, run it yourself. Bicep checks types and ranges; this checks what would otherwise only fail in Azure.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

LONGEST_NAME = 40
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
SECRETS = ("HENNGE_CLIENT_SECRET", "ALERT_WEBHOOK")
# Outputs of the last deployment. Versions before DEPLOYED_SOURCE do not have the second.
DEPLOYED, DEPLOYED_SOURCE = "FUNCTION_APP_NAME", "DEPLOYED_SOURCE"


def faults(settings: Mapping[str, str]) -> Iterator[str]:
    """One message for each invalid setting, with what to do. `settings`: environment variable → value."""
    given = {name: value.strip() for name, value in settings.items() if value.strip()}
    name = settings.get("AZURE_ENV_NAME", "")
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        yield (
            f"AZURE_ENV_NAME, the environment's name, is {name!r}: it becomes part of resource names, which take "
            f"letters, digits and hyphens, no hyphen at either end, {LONGEST_NAME} characters at most. "
            "Start again: azd env new NAME"
        )
    if not EMAIL.fullmatch(given.get("ALERT_EMAIL", "")):
        yield "ALERT_EMAIL must be an address that alerts can go to: azd env set ALERT_EMAIL you@example.com"
    if given.get("SOURCE", "hennge") == "csv":
        if "CSV_PATH" not in given:
            yield "CSV_PATH must be set with SOURCE=csv: azd env set CSV_PATH blob:people/users.csv"
    else:
        yield from _source_faults(given)


def _source_faults(given: Mapping[str, str]) -> Iterator[str]:
    if "HENNGE_CLIENT_ID" not in given:
        yield "HENNGE_CLIENT_ID must be set: azd env set HENNGE_CLIENT_ID ID"
    if "HENNGE_CLIENT_SECRET" not in given and not _in_vault(given):
        yield (
            "HENNGE_CLIENT_SECRET must be set for the first deployment with SOURCE=hennge, which puts it into the "
            "vault: read -rs HENNGE_CLIENT_SECRET && export HENNGE_CLIENT_SECRET. On a machine that has not "
            "deployed this environment before: azd env refresh"
        )
    ends = given.get("HENNGE_SECRET_EXPIRES_ON", "")
    if not _is_day(ends):
        yield (
            f"HENNGE_SECRET_EXPIRES_ON is {ends!r}: it takes the day by which you will have replaced the secret: "
            "azd env set HENNGE_SECRET_EXPIRES_ON 2027-03-31"
        )


def _in_vault(given: Mapping[str, str]) -> bool:
    """Whether the vault has the client secret for certain: a deployment from a CSV file may never have had one."""
    return DEPLOYED in given and given.get(DEPLOYED_SOURCE, "hennge") == "hennge"


def _is_day(text: str) -> bool:
    try:
        return re.fullmatch(r"\d{4}-\d\d-\d\d", text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def warnings(settings: Mapping[str, str], folder: Path) -> Iterator[str]:
    """One message for each secret that azd keeps in plain text. `folder`: the one with .azure."""
    file = folder / ".azure" / settings.get("AZURE_ENV_NAME", "") / ".env"
    kept = file.read_text(encoding="utf-8") if file.is_file() else ""
    for name in SECRETS:
        if re.search(rf'^{name}="?[^"\s]', kept, re.MULTILINE):
            yield f"{name} stands in {file} in plain text, and is needed there no more: azd env set {name} ''"


def main() -> None:
    for warning in warnings(os.environ, Path.cwd()):
        sys.stderr.write(f"Warning: {warning}\n")
    if found := list(faults(os.environ)):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
