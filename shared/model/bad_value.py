"""What a setting or a request can't take."""

from shared.errors import SyncError


class BadValue(SyncError, ValueError):
    """As a ValueError, so that Pydantic says of which field."""
