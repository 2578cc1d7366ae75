"""The errors of Azure Storage, as its SDKs raise them."""

from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceResponseTimeoutError,
)
from azure.data.tables import TableTransactionError

_KINDS: dict[int, type[HttpResponseError]] = {404: ResourceNotFoundError, 409: ResourceExistsError}
_CHANGED = ("ConditionNotMet", "UpdateConditionNotSatisfied")


def storage_error(status: int, code: str, *, in_transaction: bool = False) -> HttpResponseError:
    kind = ResourceModifiedError if code in _CHANGED else _KINDS.get(status, HttpResponseError)
    if in_transaction:
        kind = TableTransactionError
    error = kind(message=code)
    error.status_code = status
    vars(error)["error_code"] = code
    return error


def no_answer() -> Exception:
    return ServiceResponseTimeoutError("no answer")


def busy() -> HttpResponseError:
    return storage_error(503, "ServerBusy")
