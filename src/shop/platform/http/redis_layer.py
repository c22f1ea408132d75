"""The second layer in Redis 7 or Valkey: answers that all processes share, dropped by tag without a race.

How it stays right is in `redis_scripts.py` and ADR 12. Whatever it cannot do is `LayerUnavailable` after a
quarter of a second per step (connection, command), and at once while it is known to be away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import count, islice
from typing import Any, cast

import msgspec
import redis.asyncio as redis
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError

from shop.platform.cancellation import heed_cancellation
from shop.platform.http.breaker import Breaker, CircuitOpen
from shop.platform.http.redis_keys import Keys, path_of
from shop.platform.http.redis_listener import Listener
from shop.platform.http.redis_scripts import INVALIDATE, LOOK_UP, RECLAIM, RELEASE, RENEW, STORE
from shop.platform.http.second_layer import Ears, LayerUnavailable, Looked, Token
from shop.platform.http.stored import Stored, stored
from shop.platform.observability import told_of

_TIMEOUT = 0.25  # seconds for a command
_MOST_CONNECTIONS = 32
_LEASE = 5_000  # ms: who asks the origin and ends without a word holds up nobody for longer
_CHUNK = 250  # entries deleted in one step
_PUT_ASIDE = 3_600_000  # ms: entries live shorter
_MOST_TAGS = 1_000
_MOST_AT_ONCE = 1_000  # tags made up for in one step: Redis answers in time, however many there are
_AGAIN = 0.2  # seconds between attempts to listen

log = structlog.get_logger("shop.http")

_fields = msgspec.json.Decoder(dict[str, str]).decode
_json = msgspec.json.Encoder(order="deterministic").encode


class RedisLayer:
    """Keeps answers of one origin."""

    def __init__(
        self, url: str, *, origin: str, now: Callable[[], float], nonce: Callable[[], str], sleeps: bool = False
    ) -> None:
        """`now`: monotonic seconds; `nonce`: a text that nobody else will have.

        `sleeps`: the process stands still between requests, so that a lost connection says nothing of Redis: what is
        kept there for all is not forgotten for it, and what met it is said once more on another.
        """
        pool = redis.BlockingConnectionPool.from_url(
            url,
            max_connections=_MOST_CONNECTIONS,
            timeout=_TIMEOUT,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),  # the default waits for seconds
            protocol=2,
        )
        self._redis: redis.Redis = redis.Redis.from_pool(pool)
        self._keys = Keys(origin)
        self._now = now
        self._nonce = nonce
        self._sleeps = sleeps
        self._scripts = {
            text: self._redis.register_script(text) for text in (LOOK_UP, STORE, RELEASE, INVALIDATE, RENEW, RECLAIM)
        }
        self.breaker = Breaker(now=now, failures=3, within=10.0, opens_for=1.0)
        self._deaf = False  # it should hear of the others' invalidations, and does not
        self._missed = False  # what is kept may have been changed without a word
        self._owed: dict[str, int] = {}  # tags whose invalidation failed, and which failure that was
        self._failures = count(1)
        self._reclaiming: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Give the connections back."""
        for task in self._reclaiming:
            task.cancel()
        await asyncio.gather(*self._reclaiming, return_exceptions=True)
        await self._redis.aclose()

    async def look_up(self, names: Collection[str]) -> Mapping[str, Looked]:
        """Each of the names, in one round trip."""
        if self._owed or (self._deaf and not self._sleeps):
            raise LayerUnavailable("there may be something that should not be found")
        keys, owner = [self._keys.versions], self._nonce()
        for name in names:
            uuid = self._keys.uuid(name)
            keys += (self._keys.metadata(name, uuid), self._keys.value(uuid), self._keys.lease(uuid))
        now, *found = await self._run(LOOK_UP, keys, [owner, _LEASE])
        epoch, _, clock = now.decode().rpartition(" ")
        token = Token(epoch=epoch, clock=int(clock), owner=owner)
        return {name: _looked(one, token) for name, one in zip(names, found, strict=True)}

    async def store(self, answers: Mapping[str, Stored], token: Token) -> set[str]:
        """Those of the answers that no invalidation has overtaken, in one round trip."""
        keys, args = [self._keys.versions], [token.epoch, token.clock, token.owner]
        names = []
        for name, one in answers.items():
            to_keep = int((one.windows.kept - one.age) * 1000)
            if to_keep <= 0 or len(one.tags) > _MOST_TAGS:
                continue
            names.append(name)
            uuid = self._keys.uuid(name)
            keys += (self._keys.metadata(name, uuid), self._keys.value(uuid), self._keys.identity(uuid))
            keys += (self._keys.lease(uuid), *map(self._keys.tagged, one.tags))
            fresh = int((one.windows.fresh - one.age) * 1000)
            args += [len(one.tags), to_keep, fresh, uuid, self._keys.origin, path_of(name), 200]
            args += [one.age, _json(one.fields), ",".join(one.tags), one.body]
        kept = await self._run(STORE, keys, args) if names else []
        return {name for name, so in zip(names, kept, strict=True) if so}

    async def release(self, names: Collection[str], token: Token) -> None:
        """Nothing came of asking: let somebody else try."""
        await self._run(RELEASE, [self._keys.lease(self._keys.uuid(name)) for name in names], [token.owner])

    async def invalidate(self, tags: Collection[str]) -> None:
        """In O(tags), whatever has them. If it fails, nothing is looked up here until it has been made up for."""
        try:
            await self._invalidate(tuple(dict.fromkeys(tags)))
        except BaseException:  # who is cancelled has not said it either
            self._owed.update(dict.fromkeys(tags, next(self._failures)))
            raise

    async def listen(self, ears: Ears, *, afresh: bool = False) -> None:
        """Hear of everybody's invalidations, on a connection of its own; whenever it is lost, again."""
        heard, self._missed, self._deaf = True, afresh, True
        while True:
            ear = Listener(self._redis, self._keys.channel, ears=ears, now=self._now, catch_up=self._catch_up)
            try:
                await ear.hear()
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not stay deaf
                if heard or ear.listening:
                    log.warning("cache.deaf", reason=told_of(error))
                heard, self._missed = ear.listening, self._missed or not self._sleeps
            finally:
                self._deaf = True
                ears.off()
            heed_cancellation()
            await asyncio.sleep(_AGAIN)

    async def _catch_up(self) -> None:
        """Forget everything if something may have been missed, by anybody; make up for invalidations that failed."""
        if self._missed:
            await self._run(RENEW, [self._keys.versions], [self._nonce()])
            self._missed = False
        while some := dict(islice(self._owed.items(), _MOST_AT_ONCE)):
            await self._invalidate(tuple(some))
            for tag, failure in some.items():
                if self._owed.get(tag) == failure:
                    del self._owed[tag]
        self._deaf = False

    async def _invalidate(self, tags: Sequence[str]) -> None:
        asides = [self._keys.aside(self._nonce()) for _ in tags]
        keys = [self._keys.versions]
        for tag, aside in zip(tags, asides, strict=True):
            keys += (self._keys.tagged(tag), aside)
        args = [self._nonce(), self._keys.channel, ",".join(tags), _PUT_ASIDE, *tags]
        epoch, clock, *put_aside = await self._run(INVALIDATE, keys, args)
        there = [aside for aside, so in zip(asides, put_aside, strict=True) if so]
        if there:
            task = asyncio.create_task(self._reclaim(there, epoch, clock))
            self._reclaiming.add(task)
            task.add_done_callback(self._reclaiming.discard)

    async def _reclaim(self, asides: Sequence[str], epoch: bytes, clock: int) -> None:
        """Delete what nobody can read any more. Left undone, it expires."""
        try:
            for aside in asides:
                while found := await self._redis.zrange(aside, 0, _CHUNK - 1):
                    uuids = [uuid.decode() for uuid in cast("list[bytes]", found)]
                    keys: list[Any] = [aside]
                    for uuid, known in zip(uuids, await self._redis.mget(map(self._keys.identity, uuids)), strict=True):
                        metadata = known or self._keys.metadata("", uuid)  # which has expired
                        keys += (metadata, self._keys.value(uuid), self._keys.identity(uuid))
                    await self._run(RECLAIM, keys, [epoch, clock, *uuids])
        except (RedisError, OSError, TimeoutError, LayerUnavailable) as error:
            log.debug("cache.not_reclaimed", reason=told_of(error))

    async def _run(self, script: str, keys: Sequence[Any], args: Sequence[Any]) -> Any:
        try:
            call = self.breaker.admit()
        except CircuitOpen as error:
            raise LayerUnavailable("redis did not answer a moment ago") from error
        try:
            answer = await self._said(script, keys, args)
        except (RedisError, OSError, TimeoutError) as error:
            self.breaker.failed(call)
            heed_cancellation()
            raise LayerUnavailable(told_of(error)) from error
        except BaseException:
            self.breaker.abandoned(call)
            raise
        self.breaker.succeeded(call)
        heed_cancellation()
        return answer

    async def _said(self, script: str, keys: Sequence[Any], args: Sequence[Any]) -> Any:
        try:
            return await self._scripts[script](keys=keys, args=args)
        except ConnectionLost:
            if not self._sleeps:
                raise
            return await self._scripts[script](keys=keys, args=args)  # each may be run twice


def _looked(found: bytes, token: Token) -> Looked:
    told, kept, body = found.partition(b"\n")
    mine = told[:1] == b"1"
    if not kept:
        return Looked(token=token, mine=mine)
    _, resident, age, fields = told.split(b" ", 3)
    one = stored(body=body, fields=_fields(fields), age=float(age) + int(resident) / 1000)
    return Looked(stored=one, token=token, mine=mine)
