"""The functions that one zip holds, as the template has them, and an environment to try each in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.functions import functions as deployed
from infra.functions import made
from infra.house import contexts

# Port 9 throws away whatever it is sent: a function begins without a look at what it will ask.
_NOWHERE = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL": "https://127.0.0.1:9",
    "AWS_SECRET_ACCESS_KEY": "nothing",
}
# For what the template looks up when it is deployed.
_LOOKED_UP = {
    "OTEL_TRACES_EXPORTER": "none",
    "SHOP_CACHE_TAG_HEADERS": "",
    "SHOP_CATALOG_URL": "lambda:shop-catalog-api",
    "SHOP_CORS_ORIGINS": "",
    "SHOP_DELIVERY_ATTEMPTS": "24",
    "SHOP_EVENT_RETENTION_DAYS": "30",
    "SHOP_JWT_KEY": "signs nothing but what is tried here",
    "SHOP_LOG": "warning",
    "SHOP_ORDER_EXPIRY_MINUTES": "30",
    "SHOP_PAYMENT_SECRETS": "of a payment provider that is not there",
    "SHOP_POINT_VALUE": "0.01 EUR",
    "SHOP_REDIS_URL": "redis://127.0.0.1:9/0",
    "SHOP_STACK": "shop",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One of the template's."""

    name: str  # "orders-api"
    context: str  # "orders"; "feed" for that which is of none
    role: str  # "api", …; the feed has none
    handler: str  # "shop.entrypoints.orders_lambda.handler"
    runtime: str  # "python3.13"
    architecture: str  # "arm64"
    environ: Mapping[str, str]  # what the template gives it, where nothing can be reached

    @property
    def module(self) -> str:
        """What is imported."""
        return self.handler.rpartition(".")[0]


def functions() -> list[Function]:
    """All of them."""
    return [_function(one.name, one.context, one.role, made(one)[one.id]["Properties"]) for one in deployed(contexts())]


def _function(name: str, context: str, role: str, told: Mapping[str, Any]) -> Function:
    variables = told["Environment"]["Variables"]
    given = {key: value if isinstance(value, str) else _LOOKED_UP[key] for key, value in variables.items()}
    return Function(
        name=name,
        context=context,
        role=role,
        handler=told["Handler"],
        runtime=told["Runtime"],
        architecture=told["Architectures"][0],
        environ={**_NOWHERE, **given},
    )
