"""What PostgreSQL's errors mean to the person who has to do something about them."""

from __future__ import annotations

from qualityroute.errors import StoreError
from qualityroute.store.postgres.driver import ServerError

_MEANINGS = {
    "28000": "the server does not let this user in; look at its pg_hba.conf",
    "28P01": "the password is wrong",
    "3D000": "there is no such database; make it with createdb",
    "42501": "this user may not do that; GRANT it CREATE on the schema, or open the store once as its owner",
    "25006": "the server is read-only, perhaps a standby; name the primary",
    "53100": "the server's disk is full; free some space and try again",
    "53300": "the server has no connection left; allow it more, or put pgbouncer before it",
    "53200": "the server is out of memory or of locks",
    "55P03": "others have kept it locked for too long; try again",
    "57014": "the server took too long; try again",
    "40P01": "others were writing the same; try again",
    "40001": "others were writing the same; try again",
}
_PASSING = ("53100", "53200", "53300", "55P03", "57014", "40P01", "40001")
_WORTH_ANOTHER_TRY = ("40P01", "40001")


def passing(error: BaseException) -> bool:
    """Whether the same may go well later."""
    return isinstance(error, ServerError) and (error.lost or error.code in _PASSING)


def worth_another_try(error: BaseException) -> bool:
    """Whether a transaction of which nothing is left may go well at once."""
    return isinstance(error, ServerError) and (error.lost or error.code in _WORTH_ANOTHER_TRY)


def store_error(shown: str, doing: str, error: BaseException) -> StoreError:
    """For `raise store_error(...) from error`."""
    told = StoreError(f"cannot {doing} in the store '{shown}': {_meaning(error)}")
    told.retryable = passing(error)
    return told


def _meaning(error: BaseException) -> str:
    if not isinstance(error, ServerError):
        return str(error)
    if error.code in _MEANINGS:
        return f"{_MEANINGS[error.code]} ({error})"
    return f"the server cannot be reached ({error})" if error.lost else str(error)
