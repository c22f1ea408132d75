"""What a server leaves undone, the next one does."""

from __future__ import annotations


async def test_what_nobody_delivered_is_delivered_by_the_next_server(settings, visiting):
    async with visiting(settings, serving=False) as story:
        await story.sell("cup")
        placed = (await story.order("ann", ("cup", 1))).json()
        before = await story.read(placed, "ann")

    async with visiting(settings, serving=True) as story:
        await story.until_quiet()
        after = await story.read(placed, "ann")

    assert (before["status"], after["status"]) == ("pending", "confirmed")


async def test_a_server_that_stops_leaves_no_claim_behind(settings, visiting):
    async with visiting(settings, serving=True) as story:
        await story.sell("cup")
        await story.until_quiet()
        story.shop.store.requests = 1000  # a crowd: what is new is put off
        await story.order("ann", ("cup", 1))

    async with visiting(settings, serving=False) as story:
        left = story.shop.store.file.reader.execute("SELECT consumer, owner FROM deliveries").fetchall()

    assert left == [("catalog", None)]
