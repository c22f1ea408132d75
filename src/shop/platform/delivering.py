"""What every bus does with a delivery: the reaction, run again when others overtake it; the lines about what failed."""

from __future__ import annotations

from datetime import timedelta

import structlog

from shop.kernel.errors import NotYet, Refusal
from shop.kernel.events import Cause, Delivery, Envelope
from shop.platform.bus import Reactions
from shop.platform.observability import about, told_of, trace_of
from shop.platform.retry import TRIES_OF_OURS, tried

_LONGEST_REASON = 1000  # characters

log = structlog.get_logger("shop.bus")


class NoReaction(Refusal):
    """A delivery for a consumer that does not listen to this type (any more)."""

    code = "no-reaction"


async def react(reactions: Reactions, envelope: Envelope, delivery: Delivery) -> None:
    """Run the consumer's reaction. `AlreadyConsumed` where the delivery has had its effect; else whatever it raises."""
    reaction = reactions.get(envelope.type)
    if reaction is None:
        raise NoReaction(f"{delivery.consumer} has no reaction to {envelope.type}")
    cause = Cause(id=envelope.id, traceparent=envelope.traceparent, delivery=delivery)
    before = about.set(cause)
    try:
        await tried(TRIES_OF_OURS, reaction, envelope, cause)
    finally:
        about.reset(before)


def tell_failure(error: Exception, *, envelope: Envelope, consumer: str, attempts: int, wait: timedelta | None) -> str:
    """Log that it failed, for the last time where nothing is waited for; the reason, without data."""
    reason = told_of(error)[:_LONGEST_REASON]
    told = {"event_type": envelope.type, "event_id": envelope.id, "consumer": consumer}
    told |= trace_of(envelope.traceparent)
    if wait is None:
        log.error("delivery.dead", attempts=attempts, reason=reason, **told)
    elif not isinstance(error, NotYet):
        log.warning("delivery.failed", attempts=attempts, again_in=str(wait), reason=reason, **told)
    return reason
