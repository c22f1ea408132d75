"""Orders over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from shop.kernel.clock import Clock
from shop.kernel.errors import TryLater, Unauthenticated
from shop.kernel.money import decimal_text
from shop.orders.application.cancel_order import CancelOrder
from shop.orders.application.create_order import CreateOrder, TotalDiffers
from shop.orders.application.queries import NoSuchCustomer, NoSuchOrder, ReadOrders, WhoseOrders
from shop.orders.application.refund_order import RefundOrder
from shop.orders.application.take_payment import PaymentRefused, TakePayment
from shop.orders.application.views import order_as_placed, order_view, payment_view, refund_view
from shop.orders.contract import CreditView, OrderPage, OrderView, PaymentPage, RefundView
from shop.orders.domain.order import AlreadyCompleted, NotCompleted, Status
from shop.orders.presentation.bodies import (
    ORDERS_REFUSED,
    REFUNDS_REFUSED,
    OrderBody,
    PaymentBody,
    PaymentReceipt,
    RefundBody,
)
from shop.platform import signatures
from shop.platform.answers import KEYED, LOCATION, PAGED, answers
from shop.platform.problems import NotAllowed
from shop.platform.request import Cursor, Limit, Web, caller_of, cause_of, header_of
from shop.platform.retry import again
from shop.platform.web import Access, callers, next_link, once, replay_header, reply

_staff = callers("staff")
_known = callers("customer", "staff")
_PLACING = answers(KEYED, LOCATION, ORDERS_REFUSED, TotalDiffers, TryLater)
_CANCELLING = answers(NoSuchOrder, AlreadyCompleted)
_REFUNDING = answers(KEYED, REFUNDS_REFUSED, NoSuchOrder, NotCompleted)

_STATUS = f"^({'|'.join(Status)})$"  # not `Status | None`: that reads `?status=null` as none


@dataclass(frozen=True, kw_only=True)
class OrdersApi:
    """The routes of orders and what each of them does."""

    create_order: CreateOrder
    cancel_order: CancelOrder
    refund_order: RefundOrder
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
            post("/orders/{order_id:str}/cancel", before_request=_known, opt=_CANCELLING, status_code=200)(self.cancel),
            post("/orders/{order_id:str}/refunds", before_request=_staff, opt=_REFUNDING, status_code=201)(self.refund),
            get("/orders/{order_id:str}/payments", before_request=_staff, opt=answers(PAGED, NoSuchOrder))(
                self.payments
            ),
            get("/credit/{customer_id:str}", before_request=_known, opt=answers(NoSuchCustomer))(self.credit),
            post("/payments/webhook", before_request=self._provider(), opt=answers(PaymentRefused), status_code=200)(
                self.pay
            ),
        ]

    def _provider(self) -> "Provider":
        return Provider(roles=(), secrets=self.payment_secrets, clock=self.clock)

    async def create(self, request: Web, data: JSONBody[OrderBody]) -> Response[OrderView]:
        """Place an order. The same Idempotency-Key and body is the same order; another body is refused."""
        self.admit()
        wanted = data.wanted(customer_id=caller_of(request).subject, once=once(request, "create-order", data))
        order, replayed = await again(self.create_order, wanted=wanted, cause=cause_of(request))
        headers = {"Location": f"/orders/{order.order_id}"} | replay_header(replayed=replayed)
        return reply(order_as_placed(order), status=201, headers=headers)

    async def read(self, request: Web, order_id: FromPath[str]) -> Response[OrderView]:
        """An order as it stands, with its timeline."""
        return reply(order_view(await self.read_orders.one(order_id=order_id, of_customer=_of_whom(request))))

    async def list(
        self,
        request: Web,
        limit: Limit = 50,
        status: Annotated[str | None, QueryParameter(pattern=_STATUS, description="Only orders that stand so.")] = None,
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
            OrderPage(data=tuple(map(order_view, orders)), next_cursor=after), headers=next_link(request, after)
        )

    async def cancel(self, request: Web, order_id: FromPath[str]) -> Response[OrderView]:
        """Cancel an order that is not completed; its stock is given back, and what was paid is owed back."""
        order = await again(
            self.cancel_order,
            order_id=order_id,
            of_customer=_of_whom(request),
            reason=caller_of(request).role,
            cause=cause_of(request),
        )
        return reply(order_view(order))

    async def refund(self, request: Web, order_id: FromPath[str], data: JSONBody[RefundBody]) -> Response[RefundView]:
        """Give money of a completed order back. The same Idempotency-Key and body is the same refund."""
        made = await again(
            self.refund_order,
            order_id=order_id,
            wanted=data.wanted(),
            once=once(request, "refund-order", data, of=order_id),
            cause=cause_of(request),
        )
        headers = replay_header(replayed=made.replayed)
        return reply(refund_view(made.order, made.refund), status=201, headers=headers)

    async def payments(
        self, request: Web, order_id: FromPath[str], limit: Limit = 50, cursor: Cursor = None
    ) -> Response[PaymentPage]:
        """What the payment provider told of an order's payments, refused ones too."""
        payments, after = await self.read_orders.payments(order_id=order_id, after=cursor, limit=limit)
        page = PaymentPage(data=tuple(map(payment_view, payments)), next_cursor=after)
        return reply(page, headers=next_link(request, after))

    async def credit(self, request: Web, customer_id: FromPath[str]) -> Response[CreditView]:
        """What a customer can use on orders."""
        if _of_whom(request) not in (None, customer_id):
            raise NoSuchCustomer("there is no such customer")
        credit = await self.read_orders.credit(customer_id)
        told = {currency: decimal_text(minor, currency) for currency, minor in sorted(credit.items()) if minor}
        return reply(CreditView(customer_id=customer_id, credit=told))

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


def _of_whom(request: Web) -> str | None:
    """Whose orders the caller may see: None for anybody's."""
    caller = caller_of(request)
    return None if caller.role == "staff" else caller.subject
