"""The run: operations take turns until there were enough requests; every answer is compared with the document."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, strategies
from schemathesis import APIOperation, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation

from fuzz.asked import fill, sender
from fuzz.furniture import furnish
from fuzz.known import Known
from fuzz.sense import Case
from torture import store
from torture.checks import Check
from torture.client import Keys, keys_of
from torture.server import HOST, Server, serving

Cases = strategies.SearchStrategy[Case]

_TURN = 40  # requests of an operation, at most, until it is the next one's turn
_PATIENCE = 10  # seconds for an answer
_QUIET = 60  # seconds for the last deliveries
_CONFORMANCE = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
_REFUSED = ["400", "401", "403", "404", "405", "409", "412", "413", "414", "415", "422", "428"]
_CONFIG = {
    "checks": {"negative_data_rejection": {"expected-statuses": _REFUSED}},
    "generation": {"allow-extra-parameters": False, "with-security-parameters": False},
}

See = Callable[[int, int], None]  # so many requests, of how many
Tamper = Callable[..., Any]  # a hook of requests for answers, so that a fault can be planted


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The same seed: the same requests, but for the ids that the shop gives."""

    seed: int
    requests: int


@dataclass(kw_only=True)
class Report:
    """What was asked, how it was answered, and what of it was wrong."""

    statuses: dict[str, Counter[int]] = field(default_factory=dict)  # by operation
    forbidden: Counter[str] = field(default_factory=Counter)  # requests that the document forbids, by operation
    standings: Counter[str] = field(default_factory=Counter)  # of the orders in the answers
    faults: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # by operation and finding
    checks: list[Check] = field(default_factory=list)
    seconds: float = 0

    @property
    def requests(self) -> int:
        """How many were sent."""
        return sum(counts.total() for counts in self.statuses.values())

    @property
    def never_well(self) -> list[str]:
        """Operations that never did what they are for: of them nothing is shown."""
        return [operation for operation, counts in self.statuses.items() if not any(status < 300 for status in counts)]

    @property
    def sound(self) -> bool:
        """Everything was asked, and answered as the document says; the store is as it must be."""
        wrong = self.faults or self.never_well or any(check.faults for check in self.checks)
        return bool(self.statuses) and not wrong


def fuzz(plan: Plan, data: Path, *, see: See = lambda *_: None, tamper: Tamper = lambda answer, **_: answer) -> Report:
    """Do it in this folder, which must be new."""
    with serving(data) as server:
        keys = keys_of(server)
        known = Known()
        known.learn(asyncio.run(_open(server, keys)))
        with requests.Session() as session:
            session.hooks["response"].append(tamper)
            report = Run(plan, server, keys, session, see, known).report()
        report.checks = _closed(server)
        return report


async def _open(server: Server, keys: Keys) -> list[dict[str, Any]]:
    await server.start()
    return await furnish(server, keys)


def _closed(server: Server) -> list[Check]:
    """All that was caused has happened, the server has ended, and the store is looked at."""
    began = time.perf_counter()
    while (left := store.deliveries(server.data)).waiting + left.postponed and time.perf_counter() - began < _QUIET:
        store.hurry(server.data)
        time.sleep(0.05)
    log = (server.data / "server.log").read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in log if line.startswith("{") or "Traceback" in line]
    stopped = server.stop()
    ends = Check("a server that is asked to stop ends with 0", 1, [] if stopped == 0 else [f"ended with {stopped}"])
    return [Check("no error in the log", len(log), errors), ends, *store.checked(server.data)]


@dataclass
class Run:
    """One server, asked by one client."""

    plan: Plan
    server: Server
    keys: Keys
    session: requests.Session
    see: See
    known: Known
    _report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        load_all_checks()
        self._address = f"http://{HOST}:{self.server.port}"

    def report(self) -> Report:
        """Operation after operation, round after round."""
        began = time.perf_counter()
        for number, (label, cases) in enumerate(self._turns()):
            left = self.plan.requests - self._report.requests
            if left <= 0:
                break
            most = min(left, _TURN, ceil(self.plan.requests / len(self._report.statuses)))
            self._turn(label, cases, seed=f"{self.plan.seed}/{number}", most=most)
            self.see(self._report.requests, self.plan.requests)
        self._report.seconds = time.perf_counter() - began
        self._report.standings = self.known.standings
        return self._report

    def _turns(self) -> Iterator[tuple[str, Cases]]:
        document = self.session.get(f"{self._address}/docs/openapi.json", timeout=_PATIENCE).json()
        schema = schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict(_CONFIG))
        found: Iterator[Any] = schema.get_all_operations()
        of = {operation.label: _cases(operation) for operation in (one.ok() for one in found)}
        self._report.statuses = {label: Counter() for label in of}
        while True:
            yield from of.items()

    def _turn(self, label: str, cases: Cases, *, seed: str, most: int) -> None:
        random = Random(seed)

        @hypothesis.seed(random.getrandbits(64))
        @hypothesis.settings(
            max_examples=most,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(cases)
        def ask(case: Case) -> None:
            self._ask(label, case, random)

        ask()

    def _ask(self, label: str, case: Case, random: Random) -> None:
        fill(case, self.known, random)
        by = sender(case, self.known, self.keys, random)
        forbidden = case.meta is not None and case.meta.generation.mode is GenerationMode.NEGATIVE
        self._report.forbidden[label] += forbidden
        try:
            answer = case.call(self._address, self.session, auth=by, timeout=_PATIENCE)
        except requests.RequestException as error:
            self._report.statuses[label][0] += 1
            self._fault(label, f"no answer: {type(error).__name__}", f"{error}\n{case!r}")
            return
        self._report.statuses[label][answer.status_code] += 1
        try:
            case.validate_response(answer, _checks(case))
        except FailureGroup as group:
            for failure in group.exceptions:
                self._fault(label, f"{answer.status_code}: {failure.title}", str(group))
        else:
            if answer.headers.get("content-type") == ["application/json"]:
                self.known.learn(answer.json(), answer.headers.get("etag", [None])[0])
                self.known.turn(label, case.path_parameters, case.query, answer.json())

    def _fault(self, label: str, finding: str, example: str) -> None:
        self._report.faults.setdefault((label, finding), []).append(example)


def _checks(case: Case) -> Any:
    """Headers that make no sense are passed over, as HTTP wants it; bodies and questions are not."""
    strict = case.meta and any(map(case.meta.is_negative_at, (ParameterLocation.BODY, ParameterLocation.QUERY)))
    return CHECKS.get_by_names([*_CONFORMANCE, *(["negative_data_rejection"] if strict else [])])


def _cases(operation: APIOperation[Any, Any, Any, Any]) -> Cases:
    """What the document allows and, where there is anything to say, what it forbids."""
    allowed: Cases = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not any((operation.path_parameters, operation.query, operation.headers, operation.body)):
        return allowed
    forbidden: Cases = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    return allowed | allowed | forbidden
