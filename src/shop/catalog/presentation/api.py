"""Catalog over HTTP."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

from litestar import Response, delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from shop.catalog.application.archive_product import ArchiveProduct
from shop.catalog.application.change_product import ChangeProduct
from shop.catalog.application.create_product import CreateProduct
from shop.catalog.application.histories import ReadHistories
from shop.catalog.application.move_stock import MoveStock
from shop.catalog.application.queries import Listing, NothingToSearch, ProductQueries, TooManyIds
from shop.catalog.application.refusals import ProductExists, ProductNotFound
from shop.catalog.application.set_price import SetPrice
from shop.catalog.application.views import movement_view, price_entry_view, product_view, stock_view
from shop.catalog.contract import ALL_PRODUCTS_TAG, MovementPage, PricePage, ProductPage, ProductView, StockView, tag
from shop.catalog.domain.product import NotAProductId, Product
from shop.catalog.domain.stock import NotAMovement, NotEnoughStock
from shop.catalog.presentation.bodies import (
    DETAILS_REFUSED,
    PRICES_REFUSED,
    NewMovement,
    NewPrice,
    NewProduct,
    ProductChange,
)
from shop.catalog.presentation.caching import Answers, etag_of, has_it, headers_of, page_headers, version_acted_on
from shop.kernel.errors import Invalid
from shop.platform.answers import CACHED, ETAG, KEYED, LOCATION, PAGED, VERSIONED, answers
from shop.platform.moments import NotAMoment, moment_of
from shop.platform.request import Cursor, Limit, Web, caller_of, cause_of
from shop.platform.retry import again
from shop.platform.web import anyone, callers, next_link, once, replay_header, reply

_staff = callers("staff")
_ALL_BUT_ONE = 3  # of the questions that a list answers


class WhichProducts(Invalid):
    """A list that asks for nothing, or for two things."""

    code = "which-products"


class WhichPrices(Invalid):
    """A moment and a cursor: of a moment there is one price, and no further page."""

    code = "which-prices"


_LISTING = answers(LOCATION, ETAG, NotAProductId, ProductExists, DETAILS_REFUSED, PRICES_REFUSED)
_CHANGING = answers(VERSIONED, ETAG, ProductNotFound, DETAILS_REFUSED)
_PRICING = answers(VERSIONED, ETAG, ProductNotFound, PRICES_REFUSED)
_MOVING = answers(KEYED, ProductNotFound, NotAMovement, NotEnoughStock)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogApi:
    """Anyone reads; staff write."""

    queries: ProductQueries
    read_histories: ReadHistories
    create_product: CreateProduct
    change_product: ChangeProduct
    set_price: SetPrice
    archive_product: ArchiveProduct
    move_stock: MoveStock
    answers: Answers = field(default_factory=Answers)

    def routes(self) -> list[HTTPRouteHandler]:
        """Every route, and who may call it."""
        return [
            get("/products/{product_id:str}", before_request=anyone, opt=answers(CACHED, ProductNotFound))(self.read),
            get("/products", before_request=anyone, opt=answers(CACHED, PAGED, WhichProducts, TooManyIds))(self.list),
            get("/search", before_request=anyone, opt=answers(CACHED, PAGED, NothingToSearch))(self.search),
            post("/products", before_request=_staff, opt=_LISTING)(self.create),
            patch("/products/{product_id:str}", before_request=_staff, opt=_CHANGING)(self.change),
            put("/products/{product_id:str}/price", before_request=_staff, opt=_PRICING)(self.price),
            delete("/products/{product_id:str}", before_request=_staff, opt=answers(VERSIONED, ProductNotFound))(
                self.archive
            ),
            get("/products/{product_id:str}/stock", before_request=_staff, opt=answers(ProductNotFound))(self.stock),
            post("/products/{product_id:str}/stock", before_request=_staff, opt=_MOVING, status_code=200)(self.move),
            get(
                "/products/{product_id:str}/stock/movements",
                before_request=_staff,
                opt=answers(PAGED, ProductNotFound),
            )(self.movements),
            get(
                "/products/{product_id:str}/prices",
                before_request=_staff,
                opt=answers(PAGED, ProductNotFound, WhichPrices, NotAMoment),
            )(self.prices),
        ]

    async def read(self, request: Web, product_id: FromPath[str]) -> Response[ProductView | None]:
        """One product, archived or not."""
        product, stock = await self.queries.one(product_id)
        etag = etag_of(product, stock)
        if has_it(request, etag):
            return reply(None, status=304, headers=headers_of(product, stock, etag), private=False)
        known = self.answers.get(product, etag)
        return known or self.answers.keep(
            product,
            etag,
            reply(product_view(product, stock), headers=headers_of(product, stock, etag), private=False),
        )

    async def list(
        self,
        request: Web,
        ids: Annotated[str | None, QueryParameter(description="Ids with commas between, at most 100.")] = None,
        category: Annotated[str | None, QueryParameter(description="A path like `A/B`.")] = None,
        group: Annotated[str | None, QueryParameter(description="What variants of one article share.")] = None,
        sku: FromQuery[str | None] = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[ProductPage | None]:
        """Products by `ids=a,b` (at most 100), of a `category=A/B` and those below it, of a `group`, with a `sku`."""
        if [ids, category, group, sku].count(None) != _ALL_BUT_ONE:
            raise WhichProducts("say ids, category, group or sku: one of them")
        if ids is not None:
            asked = [product_id for product_id in ids.split(",") if product_id]
            listing = await self.queries.many(asked)
            return _page(request, listing, [tag("product", product_id) for product_id in asked])
        if group is not None:
            listing = await self.queries.in_group(group, after=cursor, limit=limit)
            return _page(request, listing, [tag("group", group)])
        if sku is not None:
            listing = await self.queries.with_sku(sku, after=cursor, limit=limit)
            return _page(request, listing, [tag("sku", sku)])
        path = (category or "").strip("/")
        listing = await self.queries.in_category(path, after=cursor, limit=limit)
        return _page(request, listing, [tag("category", path)])

    async def search(
        self,
        request: Web,
        q: Annotated[str, QueryParameter(description="Words, all of which are to be there.")],
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[ProductPage | None]:
        """Products with every word of `q`, from three letters on as the beginning of one; best first."""
        listing = await self.queries.search(q, after=cursor, limit=limit)
        return _page(request, listing, [ALL_PRODUCTS_TAG])

    async def create(self, request: Web, data: JSONBody[NewProduct]) -> Response[ProductView]:
        """List a product under the id its owner gave it."""
        product = await again(
            self.create_product,
            product_id=data.product_id,
            details=data.details(),
            price=data.price(),
            who=caller_of(request).subject,
            cause=cause_of(request),
        )
        return await self._written(product, status=201, headers={"Location": f"/products/{product.product_id}"})

    async def change(
        self, request: Web, product_id: FromPath[str], data: JSONBody[ProductChange]
    ) -> Response[ProductView]:
        """Change what is said of a product; If-Match is needed. `status: active` brings an archived one back."""
        product = await again(
            self.change_product,
            product_id=product_id,
            version=version_acted_on(request),
            details=data.details(),
            cause=cause_of(request),
        )
        return await self._written(product)

    async def price(self, request: Web, product_id: FromPath[str], data: JSONBody[NewPrice]) -> Response[ProductView]:
        """Set the whole price; If-Match is needed."""
        product = await again(
            self.set_price,
            product_id=product_id,
            version=version_acted_on(request),
            price=data.price(),
            who=caller_of(request).subject,
            cause=cause_of(request),
        )
        return await self._written(product)

    async def archive(self, request: Web, product_id: FromPath[str]) -> Response[None]:
        """Take a product off lists and searches; If-Match is needed. By its id it can still be read."""
        version = version_acted_on(request)
        await again(self.archive_product, product_id=product_id, version=version, cause=cause_of(request))
        return reply(None, status=204)

    async def stock(self, product_id: FromPath[str]) -> Response[StockView]:
        """The counters of a product."""
        return reply(stock_view(product_id, await self.queries.stock(product_id)))

    async def move(self, request: Web, product_id: FromPath[str], data: JSONBody[NewMovement]) -> Response[StockView]:
        """Move stock by `delta`, or set what was counted as `onHand`: once per Idempotency-Key."""
        moved = await again(
            self.move_stock,
            product_id=product_id,
            delta=data.delta,
            on_hand=data.on_hand,
            reason=data.reason,
            who=caller_of(request).subject,
            once=once(request, "move-stock", data, of=product_id),
            cause=cause_of(request),
        )
        return reply(moved.view, headers=replay_header(replayed=moved.replayed))

    async def movements(
        self, request: Web, product_id: FromPath[str], limit: Limit = 50, cursor: Cursor = None
    ) -> Response[MovementPage]:
        """What staff did to a product's stock, newest first; what orders did is in the orders."""
        found, after = await self.read_histories.movements(product_id, after=cursor, limit=limit)
        page = MovementPage(data=tuple(map(movement_view, found)), next_cursor=after)
        return reply(page, headers=next_link(request, after))

    async def prices(
        self,
        request: Web,
        product_id: FromPath[str],
        at: FromQuery[str | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[PricePage]:
        """A product's prices, newest first; with `at` (RFC 3339) the one that held at that moment, if there was one."""
        after: str | None = None
        if at is None:
            found, after = await self.read_histories.prices(product_id, after=cursor, limit=limit)
        elif cursor is None:
            found = await self.read_histories.price_at(product_id, moment_of(at, field="at"))
        else:
            raise WhichPrices("say at or cursor: of a moment there is one price, and no further page")
        page = PricePage(data=tuple(map(price_entry_view, found)), next_cursor=after)
        return reply(page, headers=next_link(request, after))

    async def _written(
        self, product: Product, *, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response[ProductView]:
        stock = await self.queries.products.stock(product.product_id)
        told = {"ETag": etag_of(product, stock), **(headers or {})}
        return reply(product_view(product, stock), status=status, headers=told)


def _page(request: Web, listing: Listing, tags: Iterable[str]) -> Response[ProductPage | None]:
    headers = page_headers(listing.listed, tags, after=listing.after) | next_link(request, listing.after)
    if has_it(request, headers["ETag"]):
        return reply(None, status=304, headers=headers, private=False)
    data = tuple(product_view(product, stock) for product, stock in listing.listed)
    return reply(ProductPage(data=data, next_cursor=listing.after), headers=headers, private=False)
