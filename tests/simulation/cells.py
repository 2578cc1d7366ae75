"""What people put into the cell of a UPN, as somebody else reads it."""

import re
import unicodedata

_ADDRESS = re.compile(r"[^\s;]+@([^\s;@]+)")


def domains_in(cell: str) -> set[str]:
    """The domain of each address in it, in lower case."""
    return set(_ADDRESS.findall(unicodedata.normalize("NFKC", cell).lower()))
