"""Hearing of invalidations: a subscription on a connection of its own, with a heartbeat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import redis.asyncio as redis
import structlog
from redis.asyncio.client import PubSub

from shop.platform.cancellation import heed_cancellation
from shop.platform.http.second_layer import Ears

_BEAT = 0.5  # seconds between questions whether it still hears
_DEAF_AFTER = 2.0  # seconds without an answer

log = structlog.get_logger("shop.http")


class Listener:
    """One subscription, as long as it lasts."""

    def __init__(
        self,
        connection: redis.Redis,
        channel: str,
        *,
        ears: Ears,
        now: Callable[[], float],
        catch_up: Callable[[], Awaitable[None]],
    ) -> None:
        """`catch_up` on what was not said or not heard, before anything that is kept is trusted."""
        self._connection = connection
        self._channel = channel
        self._ears = ears
        self._now = now
        self._catch_up = catch_up
        self.listening = False

    async def hear(self) -> None:
        """Until the connection is lost, which is raised; silence for two seconds is a loss.

        What comes before the answer to a ping was told before that: so long one may trust to have heard everything, and
        as long after the ping as it takes to notice a loss.
        """
        async with self._connection.pubsub() as subscription:
            await subscription.subscribe(self._channel)
            pinged = await self._ping(subscription)
            waiting = True
            while True:
                heed_cancellation()
                message = await subscription.get_message(timeout=_BEAT)
                kind = message["type"] if message else None
                if message and kind == "message":
                    self._ears.drop(message["data"].decode(errors="replace").split(","))
                elif kind == "pong":
                    waiting = False
                    await self._heard_until(pinged)
                if waiting and self._now() - pinged > _DEAF_AFTER:
                    raise TimeoutError("no heartbeat")
                if not waiting and self._now() - pinged >= _BEAT:
                    pinged, waiting = await self._ping(subscription), True

    async def _ping(self, subscription: PubSub) -> float:
        at = self._now()
        await subscription.ping()
        return at

    async def _heard_until(self, pinged: float) -> None:
        await self._catch_up()
        self._ears.trust(pinged + _DEAF_AFTER)
        if not self.listening:  # the first ping came after the subscription
            self.listening = True
            self._ears.on()
            log.info("cache.listening")
