"""Every environment variable, read once into one frozen struct."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from shop.kernel.errors import Invalid
from shop.kernel.money import Money, NotMoney, decimal_text
from shop.platform.bus import MOST_ATTEMPTS

_SHORTEST = 32  # characters of a secret: as long as the hash (RFC 7518 §3.2)
_POINT = Money(1, "EUR")
_MOST_WORTH = 10**6  # minor units of a point: a billion of them are an amount that money can be
_LONGEST_TRY = 2  # seconds, where nobody says otherwise, and two fifths of the budget at most
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_MOST_REQUESTS = 1_000_000
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")
_REDIS = re.compile(r"(rediss?|unix)://\S+")
_FIELD_NAME = re.compile(r"[A-Za-z0-9-]{1,50}")
_STACK = re.compile(r"[a-z][a-z0-9-]{0,30}")  # with what is added it names a table, a bus, a queue or a function
_DAEMON = re.compile(r"[a-z0-9.-]+:\d{1,5}")
_URL = re.compile(r"https?://\S+")
_CATALOG = re.compile(r"https?://\S+|lambda:[A-Za-z0-9_-]{1,64}")
_LEVELS = ("debug", "info", "warning", "error")


class WrongSetting(Invalid):
    """An environment variable has a value that is not allowed."""

    code = "wrong-setting"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds."""

    requests: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this process is set up."""

    data: Path  # SHOP_DATA: the folder of the embedded store
    jwt_key: str = field(repr=False)  # SHOP_JWT_KEY: signs and checks bearer tokens (HS256)
    payment_secrets: tuple[str, ...] = field(repr=False)  # SHOP_PAYMENT_SECRETS: the provider's; the first signs
    order_expiry: timedelta  # SHOP_ORDER_EXPIRY_MINUTES: an unpaid order may wait so long
    catalog_budget: float  # SHOP_CATALOG_BUDGET_SECONDS: orders waits so long for the catalog, all tries together
    catalog_timeout: float = 2.0  # SHOP_CATALOG_TIMEOUT_SECONDS: and so long in one try
    log_level: str  # SHOP_LOG
    point_value: Money = _POINT  # SHOP_POINT_VALUE: what a point is worth when it is redeemed
    event_retention: timedelta = timedelta(days=30)  # SHOP_EVENT_RETENTION_DAYS: delivered events are kept so long
    redis_url: str | None = field(
        default=None, repr=False
    )  # SHOP_REDIS_URL: what several processes share of the catalog
    rate_limit: Rate | None = None  # SHOP_RATE_LIMIT: how often one caller may ask
    cache_tag_headers: tuple[str, ...] = ()  # SHOP_CACHE_TAG_HEADERS: further names of Cache-Tags, for a CDN
    cors_origins: tuple[str, ...] = ()  # SHOP_CORS_ORIGINS: whose pages may call from a browser
    storage: str = "sqlite"  # SHOP_STORAGE: sqlite, or dynamodb
    bus: str = "local"  # SHOP_BUS: local beside sqlite, eventbridge beside dynamodb
    stack: str = "shop"  # SHOP_STACK: what the names of its tables, queues and functions on AWS begin with
    catalog_url: str | None = None  # SHOP_CATALOG_URL: where orders finds the catalog when that is not in its process
    delivery_attempts: int = MOST_ATTEMPTS  # SHOP_DELIVERY_ATTEMPTS: so often, then it is a dead letter
    traces: str | None = None  # OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: otlp, or xray:host:port

    @property
    def store(self) -> Path:
        """The one file of the embedded store."""
        return self.data / "shop.db"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings; what is not set has a default that works on a laptop. `WrongSetting` names what is wrong."""
    data = Path(environ.get("SHOP_DATA") or "data")
    there = next(place for place in (data.absolute(), *data.absolute().parents) if place.exists())
    if not there.is_dir():
        raise WrongSetting(f"SHOP_DATA={data}: {there} is a file; name a folder")
    budget = _number("SHOP_CATALOG_BUDGET_SECONDS", environ, 5, most=60)
    storage = _one_of("SHOP_STORAGE", environ, ("sqlite", "dynamodb"), "sqlite")
    kept = data if storage == "sqlite" else None
    return Settings(
        data=data,
        jwt_key=_secret("SHOP_JWT_KEY", environ, kept, "jwt.key"),
        payment_secrets=tuple(
            _long("SHOP_PAYMENT_SECRETS", one.strip())
            for one in _secret("SHOP_PAYMENT_SECRETS", environ, kept, "payment.key").split(",")
        ),
        order_expiry=timedelta(minutes=_number("SHOP_ORDER_EXPIRY_MINUTES", environ, 30, most=60 * 24 * 365)),
        catalog_budget=budget,
        catalog_timeout=_try(environ, budget),
        event_retention=timedelta(days=_number("SHOP_EVENT_RETENTION_DAYS", environ, 30, most=36_500)),
        redis_url=_redis("SHOP_REDIS_URL", environ),
        rate_limit=_rate("SHOP_RATE_LIMIT", environ),
        cache_tag_headers=_names("SHOP_CACHE_TAG_HEADERS", environ),
        cors_origins=_origins("SHOP_CORS_ORIGINS", environ),
        log_level=_one_of("SHOP_LOG", environ, _LEVELS, "info"),
        point_value=_worth("SHOP_POINT_VALUE", environ, _POINT),
        storage=storage,
        bus=_bus(environ, storage),
        stack=_like("SHOP_STACK", environ, _STACK, "up to 31 small letters, digits and hyphens, like shop") or "shop",
        catalog_url=_like("SHOP_CATALOG_URL", environ, _CATALOG, "https://catalog.example or lambda:shop-catalog-api"),
        delivery_attempts=_attempts("SHOP_DELIVERY_ATTEMPTS", environ),
        traces=_traces(environ),
    )


def keys_given(environ: Mapping[str, str], keys: Collection[str]) -> None:
    """Where nothing is kept, who signs or checks is told the keys; `WrongSetting` names those that are missing."""
    missing = [key for key in keys if key not in environ]
    if missing:
        raise WrongSetting(f"{' and '.join(missing)}: give what every process of this shop has, 32 characters or more")


def _secret(name: str, environ: Mapping[str, str], kept: Path | None, file_name: str) -> str:
    """From the environment, else one that is made on the first run and kept in this folder; without a folder one that
    nobody knows, so that nothing which needs it is ever right.
    """
    secret = environ.get(name)
    if secret is None and kept is None:
        return secrets.token_urlsafe(32)
    if secret is None and kept is not None:
        file = kept / file_name
        try:
            if not file.exists():
                _make(file)
            secret = file.read_text(encoding="ascii").strip()
        except PermissionError as error:
            raise WrongSetting(f"{file} cannot be read or made: {error.strerror}; set {name} or SHOP_DATA") from error
    return _long(name, secret or "")


def _long(name: str, secret: str) -> str:
    if len(secret) < _SHORTEST:
        raise WrongSetting(f"{name} is too short: give at least {_SHORTEST} characters")
    return secret


def _make(file: Path) -> None:
    """Whole or not at all, and by one of those who try at the same time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_urlsafe(32), encoding="ascii")
    with suppress(FileExistsError):
        os.link(fresh, file)
    fresh.unlink()


def _number(name: str, environ: Mapping[str, str], default: float, *, most: float) -> float:
    text = environ.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 < number <= most:
        raise WrongSetting(f"{name}={text} is not allowed: give a number above 0 and up to {most:g}")
    return number


def _try(environ: Mapping[str, str], budget: float) -> float:
    """Shorter than the whole call: one that is cut off says nothing of the catalog, so the breaker would never open.

    A function that is asked goes on when it is given up, and the next try would begin another one: so it has more time.
    """
    name = "SHOP_CATALOG_TIMEOUT_SECONDS"
    of_a_function = environ.get("SHOP_CATALOG_URL", "").startswith("lambda:")
    usual = budget * 9 / 10 if of_a_function else min(_LONGEST_TRY, budget * 2 / 5)
    seconds = _number(name, environ, usual, most=60)
    if seconds >= budget:
        why = f"all tries together have SHOP_CATALOG_BUDGET_SECONDS={budget:g}"
        raise WrongSetting(f"{name}={seconds:g} is not allowed: {why}; give less than that")
    return seconds


def _worth(name: str, environ: Mapping[str, str], default: Money) -> Money:
    example = f"{default} {default.currency}"
    text = environ.get(name) or example
    amount, _, currency = text.strip().partition(" ")
    try:
        worth = Money.parse(amount, currency.strip())
    except NotMoney as error:
        raise WrongSetting(f"{name}={text} is not allowed: {error.detail}; give one like {example}") from error
    if not 0 < worth.minor <= _MOST_WORTH:
        most = decimal_text(_MOST_WORTH, worth.currency)
        raise WrongSetting(f"{name}={text} is not allowed: give one like {example}, above 0 and up to {most}")
    return worth


def _rate(name: str, environ: Mapping[str, str]) -> Rate | None:
    text = environ.get(name, "").strip()
    if not text:
        return None
    count, _, unit = text.partition("/")
    if not (count.isascii() and count.isdigit() and 0 < int(count) <= _MOST_REQUESTS and unit in _SECONDS):
        raise WrongSetting(f"{name}={text} is not allowed: give a rate like 600/minute, 20/second or 5000/hour")
    return Rate(int(count), _SECONDS[unit])


def _redis(name: str, environ: Mapping[str, str]) -> str | None:
    url = environ.get(name, "").strip()
    if url and not _REDIS.fullmatch(url):  # which is not repeated here: it may have a password
        raise WrongSetting(f"{name} is no address: give one like redis://127.0.0.1:6379/0, rediss://… or unix:///path")
    return url or None


def _names(name: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    names = tuple(one.strip() for one in environ.get(name, "").split(",") if one.strip())
    for one in names:
        if not _FIELD_NAME.fullmatch(one):
            raise WrongSetting(
                f"{name}: {one} is no header: give names with commas between, like Cache-Tag,Surrogate-Key"
            )
    return names


def _origins(name: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in environ.get(name, "").split(",") if origin.strip())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            why = "give origins with commas between, like https://shop.example,http://localhost:5173"
            raise WrongSetting(f"{name}: {origin} is no origin: {why}")
    return origins


def _bus(environ: Mapping[str, str], storage: str) -> str:
    """Each storage has its bus: an event is in the commit that caused it."""
    fitting = {"sqlite": "local", "dynamodb": "eventbridge"}[storage]
    asked = _one_of("SHOP_BUS", environ, ("local", "eventbridge"), fitting)
    if asked != fitting:
        raise WrongSetting(f"SHOP_BUS={asked} does not go with SHOP_STORAGE={storage}: leave it out, it is {fitting}")
    return asked


def _attempts(name: str, environ: Mapping[str, str]) -> int:
    text = environ.get(name) or str(MOST_ATTEMPTS)
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= MOST_ATTEMPTS):
        raise WrongSetting(f"{name}={text} is not allowed: give a whole number from 1 to {MOST_ATTEMPTS}")
    return int(text)


def _traces(environ: Mapping[str, str]) -> str | None:
    """In OpenTelemetry's own words: it reads the rest itself. `xray`: to the daemon that Lambda runs."""
    exporter = _one_of("OTEL_TRACES_EXPORTER", environ, ("otlp", "xray", "none"), "otlp")
    if exporter == "none" or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if exporter == "xray":
        daemon = _like("AWS_XRAY_DAEMON_ADDRESS", environ, _DAEMON, "169.254.100.1:2000, as Lambda does")
        return f"xray:{daemon or '127.0.0.1:2000'}"
    common, own = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    urls = [_like(name, environ, _URL, "http://127.0.0.1:4318") for name in (common, own)]
    if not any(urls):
        return None
    for name in ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"):
        _one_of(name, environ, ("http/protobuf",), "http/protobuf")
    return "otlp"


def _like(name: str, environ: Mapping[str, str], pattern: re.Pattern[str], example: str) -> str | None:
    text = environ.get(name, "").strip()
    if text and not pattern.fullmatch(text):
        raise WrongSetting(f"{name}={text} is not allowed: give {example}")
    return text or None


def _one_of(name: str, environ: Mapping[str, str], allowed: tuple[str, ...], default: str) -> str:
    text = (environ.get(name) or default).lower()
    if text not in allowed:
        raise WrongSetting(f"{name}={text} is not allowed: give one of {', '.join(allowed)}")
    return text
