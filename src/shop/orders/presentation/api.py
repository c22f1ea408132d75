"""Orders over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from shop.kernel.clock import Clock
from shop.kernel.errors import TryLater, Unauthenticated
from shop.kernel.money import NotMoney, decimal_text
from shop.orders.application.cancel_order import CancelOrder
from shop.orders.application.create_order import CreateOrder, NewOrder, TotalDiffers
from shop.orders.application.queries import NoSuchOrder, ReadOrders, WhoseOrders
from shop.orders.application.take_payment import PaymentRefused, TakePayment
from shop.orders.contract import LineView, MomentView, OrderPage, OrderView
from shop.orders.domain.order import (
    AlreadyCompleted,
    MixedCurrencies,
    NothingOrdered,
    Order,
    Status,
    TooManyLines,
    TotalTooLarge,
    UnknownProducts,
    WrongQuantity,
)
from shop.platform import signatures
from shop.platform.answers import KEYED, LOCATION, PAGED, answers
from shop.platform.problems import NotAllowed
from shop.platform.request import Cursor, Limit, Web, caller_of, cause_of, header_of
from shop.platform.retry import again
from shop.platform.web import Access, callers, next_link, once, replay_header, reply

ProductId = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9._~@-]{1,100}$(?!\\n)")]
Texts = Annotated[
    dict[Annotated[str, msgspec.Meta(max_length=100)], Annotated[str, msgspec.Meta(max_length=1000)]],
    msgspec.Meta(max_length=40),
]
_known = callers("customer", "staff")
_PLACING = answers(
    KEYED,
    LOCATION,
    NothingOrdered,
    TooManyLines,
    WrongQuantity,
    UnknownProducts,
    MixedCurrencies,
    TotalTooLarge,
    TotalDiffers,
    NotMoney,
    TryLater,
)


class ItemBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """So many of one product."""

    product_id: ProductId
    quantity: int


class OrderBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """An order to place. Lines of the same product are added up; `expectedTotal` is what the customer was shown."""

    items: list[ItemBody]
    expected_total: str | None = None
    reference: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    shipping_address: Texts | None = None
    metadata: Texts | None = None


class PaymentBody(msgspec.Struct, frozen=True, rename="camel"):
    """What the payment provider tells; it may tell more than we read."""

    payment_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    order_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    amount: str
    currency: str
    status: Annotated[str, msgspec.Meta(pattern=r"^(completed|failed)$(?!\n)")]


class PaymentReceipt(msgspec.Struct, frozen=True, rename="camel"):
    """The payment is kept; `duplicate` if it was told before."""

    payment_id: str
    duplicate: bool


@dataclass(frozen=True, kw_only=True)
class OrdersApi:
    """The routes of orders and what each of them does."""

    create_order: CreateOrder
    cancel_order: CancelOrder
    read_orders: ReadOrders
    take_payment: TakePayment
    payment_secrets: tuple[str, ...] = field(repr=False)
    clock: Clock
    admit: Callable[[], None]

    def routes(self) -> list[HTTPRouteHandler]:
        """Path, who may call, what happens."""
        return [
            post("/orders", before_request=callers("customer"), opt=_PLACING, status_code=201)(self.create),
            get("/orders/{order_id:str}", before_request=_known, opt=answers(NoSuchOrder))(self.read),
            get("/orders", before_request=_known, opt=answers(PAGED, NotAllowed, WhoseOrders))(self.list),
            post(
                "/orders/{order_id:str}/cancel",
                before_request=_known,
                opt=answers(NoSuchOrder, AlreadyCompleted),
                status_code=200,
            )(self.cancel),
            post("/payments/webhook", before_request=self._provider(), opt=answers(PaymentRefused), status_code=200)(
                self.pay
            ),
        ]

    def _provider(self) -> "Provider":
        return Provider(roles=(), secrets=self.payment_secrets, clock=self.clock)

    async def create(self, request: Web, data: JSONBody[OrderBody]) -> Response[OrderView]:
        """Place an order. The same Idempotency-Key and body is the same order; another body is refused."""
        self.admit()
        customer_id = caller_of(request).subject
        wanted = NewOrder(
            customer_id=customer_id,
            items=[(item.product_id, item.quantity) for item in data.items],
            once=once(request, "create-order", data),
            expected_total=data.expected_total,
            reference=data.reference,
            shipping_address=data.shipping_address,
            metadata=data.metadata,
        )
        order, replayed = await again(self.create_order, wanted=wanted, cause=cause_of(request))
        headers = {"Location": f"/orders/{order.order_id}"} | replay_header(replayed=replayed)
        return reply(_as_placed(order), status=201, headers=headers)

    async def read(self, request: Web, order_id: FromPath[str]) -> Response[OrderView]:
        """An order as it stands, with its timeline."""
        caller = caller_of(request)
        of_customer = None if caller.role == "staff" else caller.subject
        return reply(_as_it_stands(await self.read_orders.one(order_id=order_id, of_customer=of_customer)))

    async def list(
        self,
        request: Web,
        limit: Limit = 50,
        status: Annotated[Status | None, QueryParameter(description="Only orders that stand so.")] = None,
        cursor: Cursor = None,
        customer_id: Annotated[
            str | None, QueryParameter(name="customerId", description="Whose orders; for staff.")
        ] = None,
    ) -> Response[OrderPage]:
        """A customer's own orders, newest first; staff see anybody's by `customerId` or `status`."""
        caller = caller_of(request)
        if caller.role != "staff" and customer_id not in (None, caller.subject):
            raise NotAllowed("only staff may list the orders of others")
        whose = customer_id if caller.role == "staff" else caller.subject
        orders, after = await self.read_orders.page(of_customer=whose, status=status, after=cursor, limit=limit)
        return reply(
            OrderPage(data=tuple(map(_as_it_stands, orders)), next_cursor=after), headers=next_link(request, after)
        )

    async def cancel(self, request: Web, order_id: FromPath[str]) -> Response[OrderView]:
        """Cancel an order that is not completed; its stock is given back, and what was paid is owed back."""
        caller = caller_of(request)
        staff = caller.role == "staff"
        order = await again(
            self.cancel_order,
            order_id=order_id,
            of_customer=None if staff else caller.subject,
            reason="staff" if staff else "customer",
            cause=cause_of(request),
        )
        return reply(_as_it_stands(order))

    async def pay(self, request: Web, data: JSONBody[PaymentBody]) -> Response[PaymentReceipt]:
        """The payment provider tells of a payment; signed, taken once."""
        new = await again(
            self.take_payment,
            payment_id=data.payment_id,
            order_id=data.order_id,
            amount=data.amount,
            currency=data.currency,
            status=data.status,
            cause=cause_of(request),
        )
        return reply(PaymentReceipt(data.payment_id, not new))


@dataclass(frozen=True, kw_only=True)
class Provider(Access):
    """Only the payment provider, known by its signature, which is checked before the body is read."""

    secrets: tuple[str, ...] = field(repr=False)
    clock: Clock
    security: ClassVar[str] = "signature"
    refusal: ClassVar[type[Unauthenticated]] = signatures.WrongSignature

    async def __call__(self, request: Request[Any, Any, Any]) -> None:
        """`WrongSignature` unless it is the provider's."""
        header = header_of(request, b"payment-signature")
        signatures.verify(header, secrets=self.secrets, now=self.clock(), body=await request.body())


def _as_placed(order: Order) -> OrderView:
    """What never changes of an order: the answer to the request that placed it, and to its copies."""
    return _view(order, status=Status.PENDING)


def _as_it_stands(order: Order) -> OrderView:
    timeline = tuple(MomentView(what=m.what, at=m.at, by=m.by, detail=m.detail) for m in order.timeline)
    view = _view(order, status=order.status)
    owed = sum(amount for amount, _ in order.owed_back.values())
    return msgspec.structs.replace(
        view,
        reason=order.reason,
        owed_back=decimal_text(owed, order.currency) if owed else None,
        timeline=timeline,
    )


def _view(order: Order, *, status: Status) -> OrderView:
    currency = order.currency
    return OrderView(
        order_id=order.order_id,
        customer_id=order.customer_id,
        status=status.value,
        lines=tuple(
            LineView(
                product_id=line.product_id,
                name=line.name,
                quantity=line.quantity,
                unit_price=decimal_text(line.price, currency),
                total=decimal_text(line.total, currency),
            )
            for line in order.lines
        ),
        total=str(order.total),
        currency=currency,
        created_at=order.created_at,
        expires_at=order.expires_at,
        reference=order.reference,
        shipping_address=dict(order.shipping_address) if order.shipping_address else None,
        metadata=dict(order.metadata) if order.metadata else None,
    )
