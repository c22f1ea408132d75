"""The cheapest origin that says how long its answers hold: `python -m bench.cache_origin FOLDER CORE`."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import uvicorn

from bench import controlled
from bench.cached import body_of, fields_of

Message = MutableMapping[str, Any]


@dataclass(slots=True)
class _Origin:
    """Has every page, and counts how often it is asked: as ASGI."""

    calls: int = 0

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        _ = receive  # a GET has no body
        self.calls += 1
        body = body_of(scope["path"])
        fields = {**fields_of(f"page:{scope['path']}"), "content-length": str(len(body))}
        headers = [(name.encode(), value.encode()) for name, value in fields.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _main() -> None:
    origin = _Origin()
    config = uvicorn.Config(
        origin, host="127.0.0.1", port=0, http="httptools", lifespan="off", log_config=None, access_log=False
    )
    await controlled.serve(uvicorn.Server(config), figures=lambda: {"calls": origin.calls})


if __name__ == "__main__":
    controlled.run(_main(), core=int(sys.argv[2]))
