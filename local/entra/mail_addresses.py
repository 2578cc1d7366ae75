"""What Exchange Online does to the addresses of a user with a mailbox."""

from local.entra.errors import Json
from local.entra.index import smtp_addresses


def with_upn_among_addresses(properties: Json, former: str | None = None) -> Json:
    """The same user, with UPN and former UPN among proxyAddresses, and the primary address in `mail`.

    The new UPN becomes the primary address if the former one was, or if there is none. Nothing is removed:
    proxyAddresses is read-only in Graph, so only an administrator can do that, in Exchange. "Altering a user's UPN will
    currently trigger a recalculation of the proxyAddresses, and it will include the new UPN as either a secondary or
    primary SMTP" (MicrosoftDocs/OfficeDocs-O365ITPro#939).
    """
    upn = str(properties["userPrincipalName"])
    given = properties.get("proxyAddresses")
    entries = [str(entry) for entry in given] if isinstance(given, list) else []
    primary = next((entry[5:] for entry in entries if entry.startswith("SMTP:")), None)
    if primary is None or primary.lower() == (former or "").lower():
        # Written anew below, in its place at the top.
        entries = [f"SMTP:{upn}", *(entry for entry in entries if entry.lower() != f"smtp:{upn}".lower())]
        entries = [entries[0], *(entry.replace("SMTP:", "smtp:", 1) for entry in entries[1:])]
        primary = upn
    known = {*smtp_addresses({"proxyAddresses": entries})}
    entries += [f"smtp:{address}" for address in (upn, former) if address and address.lower() not in known]
    return {**properties, "proxyAddresses": entries, "mail": primary}
