"""The limit to measure against: Litestar and msgspec, no shop. `python -m bench.bare FOLDER CORE`."""

import sqlite3
import sys
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar, Request, get, post

from bench import controlled, goods
from shop.catalog.contract import ProductView
from shop.kernel.clock import rfc3339, system_clock


class Item(msgspec.Struct, frozen=True, rename="camel"):
    """So many of one product."""

    product_id: str
    quantity: int


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """What is sent to the shop, too."""

    items: list[Item]


class Placed(msgspec.Struct, frozen=True, rename="camel"):
    """Its row."""

    order_id: int


def app_on(file: Path) -> Litestar:
    """Products from memory, encoded for each request; an order is one commit of one row, on the loop."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    products = {goods.product_id(number): _product(number) for number in range(goods.PRODUCTS)}

    @get("/products/{product_id:str}")
    async def product(product_id: str) -> ProductView:
        return products[product_id]

    @post("/orders")
    async def order(request: Request[Any, Any, Any], data: Order) -> Placed:  # noqa: ARG001 - decoded, as in the shop
        row = connection.execute("INSERT INTO orders (body) VALUES (?)", (await request.body(),)).lastrowid
        return Placed(row or 0)

    return Litestar([product, order], openapi_config=None, logging_config=None, debug=False)


def _product(number: int) -> ProductView:
    return ProductView(
        product_id=goods.product_id(number),
        base_price=goods.PRICE,
        currency="EUR",
        in_stock=True,
        stock_quantity=goods.STOCK,
        status="active",
        version=1,
        updated_at=rfc3339(system_clock()),
        **goods.details(number),
    )


async def _main(file: Path) -> None:
    config = uvicorn.Config(
        app_on(file),
        host="127.0.0.1",
        port=0,
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    await controlled.serve(uvicorn.Server(config))


if __name__ == "__main__":
    controlled.run(_main(Path(sys.argv[1]) / "bare.db"), core=int(sys.argv[2]))
