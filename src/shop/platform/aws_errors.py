"""How calls of AWS fail, and what may be told of it."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

_WRONG = {"ValidationException", "ValidationError", "RequestEntityTooLargeException"}
_FORBIDDEN = {"AccessDenied", "AccessDeniedException"}
_TOO_LARGE = 413
FAILED = (BotoCoreError, ClientError, OSError, TimeoutError)  # refused, not reached, broken off


def why(error: BaseException) -> str:
    """In a word, without data: `PutEvents: ThrottlingException`, `ConnectTimeoutError`."""
    if isinstance(error, ClientError):
        return f"{error.operation_name}: {code(error)}"
    return type(error).__name__


def code(error: BaseException) -> str:
    """The name that AWS gives to what it refused; empty where it did not answer."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def is_refused(error: BaseException) -> bool:
    """AWS says that what was sent is wrong: it is not to be sent so again."""
    return code(error) in _WRONG or (
        isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] == _TOO_LARGE
    )


def is_forbidden(error: BaseException) -> bool:
    """Whoever asks may not: to ask again does not help until somebody has given the permission."""
    return code(error) in _FORBIDDEN
