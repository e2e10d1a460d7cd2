"""How the emulated AWS says no, in the form of each protocol."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

SERVER_FAULT = 500  # from this status on it is not the caller's fault


class RefusedError(Exception):
    """An answer of AWS that is an error: its code, its words, its HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def in_json(error: RefusedError) -> tuple[int, str, str]:
    """Return status, content type and body of a refusal in the JSON 1.1 protocol."""
    body = json.dumps({"__type": error.code, "message": error.message})
    return error.status, "application/x-amz-json-1.1", body


def in_query(error: RefusedError) -> tuple[int, str, str]:
    """Return status, content type and body of a refusal in the query protocol (STS, elbv2, IAM, SNS)."""
    side = "Sender" if error.status < SERVER_FAULT else "Receiver"
    body = (
        f"<ErrorResponse><Error><Type>{side}</Type><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error>"
        "<RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>"
    )
    return error.status, "text/xml", body


def in_rest(error: RefusedError) -> tuple[int, str, str]:
    """Return status, content type and body of a refusal of S3."""
    body = f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
    return error.status, "application/xml", body


def in_protocol(error: RefusedError, protocol: str) -> tuple[int, str, str]:
    """Return status, content type and body of a refusal in `json`, `query` or `rest`."""
    return {"json": in_json, "query": in_query, "rest": in_rest}[protocol](error)
