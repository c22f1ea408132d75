"""One request: what schemathesis made of the document, filled with what there is, and sent by somebody."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

from schemathesis.core.parameters import ParameterLocation

from fuzz.known import CUSTOMERS, EXPENDABLE, STAPLES, Known
from fuzz.sense import Case, make_sense
from torture.client import Keys

_MOST_KEYS = 200


def fill(case: Case, known: Known, random: Random) -> None:
    """Where the document is kept to, put in what there is, most of the time."""
    share = random.choice((0.0, 0.8, 0.95, 1.0))
    if not _forbidden(case, ParameterLocation.PATH):
        made_up = case.path_parameters
        found = known.filled(made_up, random, share)
        case.path_parameters = {
            name: made_up[name] if value == made_up[name] else quote(str(value), safe="")
            for name, value in found.items()
        }
    if not _forbidden(case, ParameterLocation.QUERY):
        case.query = known.filled(case.query, random, share)
    if not _forbidden(case, ParameterLocation.BODY):
        case.body = known.filled(case.body, random, share)
    if not _forbidden(case, ParameterLocation.HEADER):
        _fill_headers(case, known, random)
    if not any(_forbidden(case, where) for where in ParameterLocation) and random.random() < share:
        make_sense(case, known, random)
    if case.method in {"PATCH", "PUT", "DELETE"} and case.path_parameters.get("productId") in STAPLES:
        case.path_parameters = {"productId": random.choice(EXPENDABLE)}


def _fill_headers(case: Case, known: Known, random: Random) -> None:
    """An Idempotency-Key that is new or was used; the version that was read, or any."""
    headers = case.headers.copy()
    if "Idempotency-Key" in headers and random.random() < 0.9:
        headers["Idempotency-Key"] = f"key-{random.randrange(_MOST_KEYS if random.random() < 0.2 else 10**9)}"
    for name in ("If-Match", "If-None-Match"):
        if name in headers and random.random() < 0.9:
            read = known.etags.get(case.path_parameters.get("productId", ""), "*")
            headers[name] = random.choice(("*", read, read))
    case.headers = headers


def _forbidden(case: Case, where: ParameterLocation) -> bool:
    return case.meta is not None and case.meta.is_negative_at(where)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a request: puts a token or a signature on it, right before it goes out."""

    headers: Callable[[bytes], Mapping[str, str]]
    damaged: Callable[[bytes], bytes]

    def __call__(self, request: Any) -> Any:
        """As requests asks of whatever it is given as `auth`."""
        if request.body:
            body = request.body if isinstance(request.body, bytes) else request.body.encode()
            request.body = self.damaged(body)
            request.headers["Content-Length"] = str(len(request.body))
        request.headers.update(self.headers(request.body or b""))
        return request


def sender(case: Case, known: Known, keys: Keys, random: Random) -> Sender:
    """Most of the time somebody who may; else another role, a stranger, or whoever the case made up."""
    damaged = _damaged(random) if random.random() < 0.02 else lambda body: body
    security = {name: roles for one in case.operation.definition.raw["security"] for name, roles in one.items()}
    if random.random() < 0.05 or not security:
        return Sender(lambda _: {}, damaged)
    if "signature" in security:
        return Sender(lambda body: {"Payment-Signature": keys.sign(body)}, damaged)
    may = random.random() < 0.9
    role = random.choice(security["bearer"] if may else ("customer", "staff"))
    subject = "clerk" if role == "staff" else _customer(case, known, random)
    return Sender(lambda _: {"Authorization": f"Bearer {keys.token(role, subject)}"}, damaged)


def _customer(case: Case, known: Known, random: Random) -> str:
    """Whose it is, most of the time."""
    asked = {**case.query, **case.path_parameters}
    owner = known.orders.get(asked.get("orderId", ""), asked).get("customerId")
    return owner if owner in CUSTOMERS and random.random() < 0.9 else random.choice(CUSTOMERS)


def _damaged(random: Random) -> Callable[[bytes], bytes]:
    """Bodies that are no JSON, or none that anybody would send."""
    where = random.random()
    return random.choice((
        lambda body: body[: int(len(body) * where)],
        lambda body: body[: int(len(body) * where)] + b"\xff" + body[int(len(body) * where) :],
        lambda body: b"[" * 2000 + body,
        lambda _: json.dumps({"a" * 1000: "b" * 2**20}).encode(),
    ))  # fmt: skip
