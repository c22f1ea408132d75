"""The cheapest server there is, to see what the load itself can do: `python -m bench.echo FOLDER CORE`."""

from __future__ import annotations

import asyncio
import sys

import uvicorn

from bench import controlled
from bench.load import HOST

_BODY = b"x" * 560  # bytes, about a product
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


class _Echo(asyncio.Protocol):
    """Whatever comes is one request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - not looked at
        self._transport.write(_ANSWER)


class _Server(uvicorn.Server):
    """Started and stopped like the others."""

    async def serve(self, sockets: object = None) -> None:  # noqa: ARG002
        server = await asyncio.get_running_loop().create_server(_Echo, HOST, 0)
        self.servers = [server]
        self.started = True
        while not self.should_exit:  # noqa: ASYNC110 - as uvicorn itself
            await asyncio.sleep(0.05)
        server.close()


if __name__ == "__main__":
    controlled.run(controlled.serve(_Server(uvicorn.Config("", log_config=None))), core=int(sys.argv[2]))
