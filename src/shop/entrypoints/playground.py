"""What the console of a demo has besides: somebody to be, a payment provider to play, and contexts to break."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from litestar.response import Redirect

from shop.kernel.clock import Clock
from shop.kernel.errors import Invalid, NotFound, Refusal
from shop.kernel.events import Cause, Envelope
from shop.platform import signatures
from shop.platform.answers import answers
from shop.platform.bus import Consumers, Reaction
from shop.platform.request import Web, header_of
from shop.platform.storage.port import Records
from shop.platform.tokens import Tokens
from shop.platform.web import anyone, callers, reply

CUSTOMER = "ada"
_SHOWN = 30
_LASTS = timedelta(hours=12)
_HERE = {"127.0.0.1", "localhost", "::1"}
_BETWEEN = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via")
_THIS_MACHINE = {"127.0.0.1", "::1"}
_staff = callers("staff")


class NotHere(NotFound):
    """Tokens are given away to a browser on this machine only."""

    code = "not-here"


class NoSuchConsumer(Invalid):
    """A context that hears nothing, or does not exist."""

    code = "no-such-consumer"


class BrokenOnPurpose(Refusal):
    """What a broken context answers to every event."""

    code = "broken-on-purpose"


class Session(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Tokens of a clerk and of a customer, and ids of products to show."""

    staff: str
    customer: str
    customer_id: str
    products: list[str]
    broken: list[str]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the payment provider says: the body, as it will be sent."""

    body: str


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """The header that makes the payment provider's word good."""

    signature: str


class Breakage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a context fails at all it hears."""

    consumer: str
    broken: bool


@dataclass(frozen=True, kw_only=True)
class Playground:
    """Open to a browser on the machine where the demo runs; never a part of a real shop."""

    tokens: Tokens
    payment_secret: str
    clock: Clock
    consumers: Consumers
    catalog: Records
    _broken: set[str] = field(default_factory=set)

    def routes(self) -> list[HTTPRouteHandler]:
        """Path, who may call, what happens."""
        return [
            get("/", before_request=anyone, opt=answers())(self.begin),
            get("/console/demo", before_request=anyone, opt=answers(NotHere))(self.session),
            post("/console/demo/signatures", before_request=_staff, opt=answers(), status_code=200)(self.sign),
            post("/console/demo/breakages", before_request=_staff, opt=answers(NoSuchConsumer), status_code=200)(
                self.break_
            ),
        ]

    def breakable(self) -> Consumers:
        """The same consumers, which fail while they are broken."""
        return {
            name: {kind: self._breakable(name, reaction) for kind, reaction in reactions.items()}
            for name, reactions in self.consumers.items()
        }

    async def begin(self) -> Redirect:
        """To the console: that is what there is to see."""
        return Redirect("/console")

    async def session(self, request: Web) -> Response[Session]:
        """Somebody to be, for the demo's own page in a browser on this machine."""
        if not _is_ours(request):
            raise NotHere("tokens are given to a browser on this machine only; elsewhere: shop token --role staff")
        there = await self.catalog.scan("product/", limit=_SHOWN)
        return reply(
            Session(
                staff=self.tokens.sign(subject="clerk", role="staff", lifetime=_LASTS),
                customer=self.tokens.sign(subject=CUSTOMER, role="customer", lifetime=_LASTS),
                customer_id=CUSTOMER,
                products=[stored.key.removeprefix("product/") for stored in there.found],
                broken=sorted(self._broken),
            )
        )

    async def sign(self, data: JSONBody[Told]) -> Response[Signed]:
        """Play the payment provider: what it says, signed with its secret."""
        signed = signatures.sign(secret=self.payment_secret, at=self.clock(), body=data.body.encode())
        return reply(Signed(signature=signed))

    async def break_(self, data: JSONBody[Breakage]) -> Response[list[str]]:
        """Break a context, or repair it; those that are broken then."""
        if data.consumer not in self.consumers:
            raise NoSuchConsumer(f"give one of {', '.join(sorted(self.consumers))}")
        (self._broken.add if data.broken else self._broken.discard)(data.consumer)
        return reply(sorted(self._broken))

    def _breakable(self, name: str, reaction: Reaction) -> Reaction:
        async def react(envelope: Envelope, cause: Cause) -> None:
            if name in self._broken:
                raise BrokenOnPurpose(f"{name} was broken on purpose, in the console")
            await reaction(envelope, cause)

        return react


def _is_ours(request: Web) -> bool:
    """Asked by a page that came from here, under a name of this machine, with nobody between: no other site can say all
    that, nor can a proxy that faces the outside.
    """
    client = request.scope["client"]
    host, origin, site = (header_of(request, name) for name in (b"host", b"origin", b"sec-fetch-site"))
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    return (
        name in _HERE
        and client is not None
        and client[0] in _THIS_MACHINE
        and origin in {None, f"http://{host}"}
        and site in {None, "same-origin", "none"}
        and not any(header_of(request, name) for name in _BETWEEN)
    )
