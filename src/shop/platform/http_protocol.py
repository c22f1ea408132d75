"""uvicorn's HTTP protocol, with what it refuses by itself as problem+json, and a limit on the head of a request."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 64 * 1024  # bytes of a request line and its headers; what has arrived with them is let through
_LINGER = 0.5  # seconds


class ProblemProtocol(HttpToolsProtocol):
    """What cannot be read as HTTP never reaches the app, so it has no request id."""

    _reading_head = False
    _head = 0
    _refused = False

    def data_received(self, data: bytes) -> None:
        """Bytes of the connection."""
        if self._refused:
            return
        if self._reading_head:
            data = self._read_head(data)
        if data and not self._refused:
            super().data_received(data)

    def _read_head(self, data: bytes) -> bytes:
        """As much of it as a head may have; what is left is no head any more, or too much of one."""
        room = MOST_HEAD - self._head
        if some := data[:room]:
            self._head += len(some)
            super().data_received(some)
        rest = data[room:]
        if rest and self._reading_head:
            self._refuse(431, "headers-too-large", f"the headers are larger than {MOST_HEAD // 1024} KB")
        return rest

    def on_message_begin(self) -> None:
        """A request line begins."""
        self._reading_head, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._reading_head = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own sentence
        """What has come is no HTTP."""
        self._refuse(400, "malformed", "this is no HTTP request that can be read")

    def _refuse(self, status: int, code: str, detail: str) -> None:
        self._refused = True
        title = HTTPStatus(status).phrase
        problem = {"type": f"urn:shop:problem:{code}", "title": title, "status": status, "detail": detail, "code": code}
        body = msgspec.json.encode(problem)
        head = (
            f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.loop.call_later(_LINGER, self.transport.close)  # at once, what is still coming would undo the answer
