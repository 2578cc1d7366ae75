"""Which role the app's identity lacks where storage answers 403. The roles are those of infra/storage-access.bicep."""

import logging
from collections.abc import Callable
from typing import Any, Literal

from shared.log import event

Service = Literal["blob", "table"]

ROLES: dict[Service, str] = {
    "blob": "Storage Blob Data Owner",
    "table": "Storage Table Data Contributor",
}
ADVICE = (
    "Assign it to the app's identity on the storage account; a new assignment may take half an hour to arrive. "
    "AuthorizationFailure also stands for the account's network rules."
)


def tell_forbidden(service: Service) -> Callable[[Any], None]:
    """A hook that an SDK calls with each response: it logs a 403 with the role that is missing."""

    def tell(response: Any) -> None:
        answer = response.http_response
        if answer.status_code == 403:
            code = answer.headers.get("x-ms-error-code", "")
            event(
                "storage.forbidden",
                logging.ERROR,
                service=service,
                code=code,
                role=ROLES[service],
                message=ADVICE,
            )

    return tell
