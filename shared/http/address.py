"""The caller's IP address, for the Sync Logs and the log."""

from collections.abc import Mapping
from ipaddress import ip_address


def caller_address(headers: Mapping[str, str]) -> str:
    """The IP address that the platform's front end puts at the end of X-Forwarded-For, without its port.

    The caller may have forged the addresses before it. Empty if there is no address.
    """
    # Azure's front end writes `address:port` (request-ip#29); other proxies write the address alone.
    last = headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    for text in (last, last.rpartition(":")[0]):
        try:
            return str(ip_address(text.strip("[]")))
        except ValueError:
            continue
    return ""
