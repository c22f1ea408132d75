"""The payment provider, played for one order."""

from __future__ import annotations

import asyncio
from time import monotonic

from shop.entrypoints.remote_shop import FIRST_PAUSE, RemoteShop


async def pay_order(shop: RemoteShop, order_id: str, *, amount: str | None = None, failed: bool = False) -> str:
    """Say that it is paid (or that paying failed); what became of the order, in one line."""
    state, verb = ("failed", "was not paid") if failed else ("completed", "was paid")
    order = await shop.order(order_id)
    before, amount = order.status, amount or order.to_pay
    await shop.pay(order, payment=f"pay-{order_id}-{amount}-{state}", amount=amount, state=state)
    until = monotonic() + shop.patience
    while order.status == before and before != "completed" and not failed and monotonic() < until:
        await asyncio.sleep(FIRST_PAUSE)
        order = await shop.order(order_id)
    back = "; the money is owed back" if order.status == "cancelled" and not failed else ""
    return f"{order_id}: {amount} {order.currency} {verb}; the order is {order.status}{back}"
