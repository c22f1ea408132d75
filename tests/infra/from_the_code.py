"""What the template has to say because the code says it; read from the code anew, not from what makes the template."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from functools import cache
from typing import Any

from shop.catalog.infrastructure.store import LAYOUT as CATALOG
from shop.entrypoints.monolith import Monolith
from shop.orders.infrastructure.store import LAYOUT as ORDERS
from shop.platform.settings import read_settings
from shop.rewards.infrastructure.store import LAYOUT as REWARDS
from tests.infra.told import CONTEXTS, STACK, Faults, Told, word

LAYOUTS = (ORDERS, CATALOG, REWARDS)


@cache
def house() -> Any:
    secrets = {"SHOP_JWT_KEY": "k" * 32, "SHOP_PAYMENT_SECRETS": "s" * 32}
    return Monolith(settings=read_settings(secrets))


def every_event_that_is_heard_has_its_rule(told: Told) -> Faults:
    rules = {name: one for name, one in told.of("Events::Rule").items() if "EventPattern" in one}
    for context in CONTEXTS:
        heard = getattr(house(), context)().reactions().table()
        logical, rule = told.named("Events::Rule", "Name", context)
        if not rule:
            yield f"{context}: {logical}"
            continue
        del rules[logical]
        if word(rule["EventBusName"]) != "Bus" or rule["EventPattern"].keys() != {"detail-type"}:
            yield f"{context}: its rule listens elsewhere, or to something else"
        for kind in sorted(set(heard) ^ set(rule["EventPattern"]["detail-type"])):
            yield f"{context}: {kind} is {'heard and has no rule' if kind in heard else 'not heard and has a rule'}"
        target = told.queue(context)[0]
        if [word(one["Arn"]) for one in rule["Targets"]] != [f"{target}.Arn"]:
            yield f"{context}: its rule does not fill its queue"
    yield from (f"{name}: nobody listens" for name in rules)


def every_job_has_its_schedule(told: Told) -> Faults:
    wanted = {
        (context, job, every)
        for context in CONTEXTS
        for job, every in {
            "sweep-outbox": timedelta(minutes=1),
            **{name: job.every for name, job in getattr(house(), context)().jobs().table().items()},
        }.items()
    }
    jobs = {told.function(f"{context}-jobs")[0]: context for context in CONTEXTS}
    invoked = {(word(one["SourceArn"]), word(one["FunctionName"])) for one in told.of("Lambda::Permission").values()}
    for name, rule in told.of("Events::Rule").items():
        if "ScheduleExpression" not in rule:
            continue
        [target] = rule["Targets"]
        function = word(target["Arn"]).removesuffix(".Arn")
        minutes = re.fullmatch(r"rate\((\d+) minutes?\)", rule["ScheduleExpression"])
        scheduled = (jobs[function], json.loads(target["Input"])["job"], timedelta(minutes=int(minutes[1])))
        if scheduled not in wanted:
            yield f"{scheduled}: no such job"
        wanted.discard(scheduled)
        if (f"{name}.Arn", function) not in invoked:
            yield f"{name}: may not call {function}"
    yield from (f"{one}: has no schedule" for one in sorted(wanted, key=str))


def every_route_is_answered_by_its_context(told: Told) -> Faults:
    answers = {
        one["RouteKey"]: word(integration["IntegrationUri"]).removesuffix(".Arn")
        for one in told.of("ApiGatewayV2::Route").values()
        for integration in [told.resources[word(one["Target"])[len("integrations/${") : -1]]["Properties"]]
    }
    used = {"$default", "GET /events"}
    for key in used:
        if answers.get(key) != told.function("feed")[0]:
            yield f"{key}: is not the feed's"
    for context in CONTEXTS:
        for path in {path for route in getattr(house(), context)().api().routes() for path in route.paths}:
            _, first, *more = path.split("/")
            key = f"ANY /{first}/{{proxy+}}" if more else f"ANY /{first}"
            used.add(key)
            if answers.get(key) != told.function(f"{context}-api")[0]:
                yield f"{path}: is answered by {answers.get(key)}"
    yield from (f"{key}: no route of the code" for key in answers.keys() - used)


def what_answers_may_be_called(told: Told) -> Faults:
    called = {
        word(one["FunctionName"])
        for one in told.of("Lambda::Permission").values()
        if one["Principal"] == "apigateway.amazonaws.com" and "${Api}/*" in word(one["SourceArn"])
    }
    for one in told.of("ApiGatewayV2::Integration").values():
        function = word(one["IntegrationUri"]).removesuffix(".Arn")
        if function not in called:
            yield f"{function}: may not be called by the API"
        if one["PayloadFormatVersion"] != "2.0":
            yield f"{function}: gets another event than it reads"
        if one["TimeoutInMillis"] <= told.of("Lambda::Function")[function]["Timeout"] * 1000:
            yield f"{function}: is not waited for"


def tables_are_those_of_the_layouts(told: Told) -> Faults:
    for layout in LAYOUTS:
        _, table = told.named("DynamoDB::Table", "TableName", layout.context)
        found = {one["IndexName"]: one for one in table.get("GlobalSecondaryIndexes", [])}
        for name in found.keys() ^ layout.indexes.keys():
            yield f"{layout.context}: the index {name} is not in both"
        for name in found.keys() & layout.indexes.keys():
            keys = {key["AttributeName"]: key["KeyType"] for key in found[name]["KeySchema"]}
            if keys != {f"{name}_g": "HASH", f"{name}_p": "RANGE"}:
                yield f"{layout.context}: the index {name} has other keys"
            if found[name]["Projection"] != {"ProjectionType": "KEYS_ONLY"}:
                yield f"{layout.context}: the index {name} holds more than keys"
    named = {word(one["TableName"]) for one in told.of("DynamoDB::Table").values()}
    for name in named ^ {f"{STACK}-{one}" for one in (*CONTEXTS, "log")}:
        yield f"{name}: is not in both"


RULES = (
    every_event_that_is_heard_has_its_rule,
    every_job_has_its_schedule,
    every_route_is_answered_by_its_context,
    what_answers_may_be_called,
    tables_are_those_of_the_layouts,
)
