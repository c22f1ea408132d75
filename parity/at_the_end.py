"""How everything stands when a journey has ended: what its shop tells of all that was in it."""

from __future__ import annotations

import json

from parity.story import Story
from parity.transcript import Transcript

_FROM_RUN_TO_RUN = {
    "version",
    "timeline",
}  # how often a counter moved, where a cancellation was faster than a reservation


async def transcript(story: Story) -> Transcript:
    """Of the journey, which has ended."""
    recorder = story.recorder
    await story.until_quiet()
    recorder.listening = False
    events = await story.events()
    return Transcript(
        answers=sorted(recorder.answers), events=recorder.events(events), state=sorted(await _state(story))
    )


async def _state(story: Story) -> list[str]:
    known = story.recorder
    paths = [
        *(path for one in known.products for path in (f"/products/{one}", f"/products/{one}/stock")),
        *(path for one in known.orders for path in (f"/orders/{one}", f"/orders/{one}/payments")),
        *(
            path
            for one in known.customers
            for path in (f"/rewards/{one}", f"/rewards/{one}/ledger", f"/credit/{one}", f"/orders?customerId={one}")
        ),
    ]
    staff = story.bearer("clerk", "staff")
    found = []
    for path in paths:
        answer = await story.http.get(path, headers=staff)
        told = known.normal(answer.json(), without=_FROM_RUN_TO_RUN)
        found.append(json.dumps([path.split("/")[1].partition("?")[0], answer.status_code, told], sort_keys=True))
    return found
