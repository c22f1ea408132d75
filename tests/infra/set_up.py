"""How functions are set up, what is watched, and what Redis stands in."""

from __future__ import annotations

import json

from tests.infra.may import NETWORKED
from tests.infra.told import CONTEXTS, STACK, Faults, Told, word

SECRETS = {"SHOP_JWT_KEY": "jwtKey", "SHOP_PAYMENT_SECRETS": "paymentSecrets"}
ROLES = ("api", "consumer", "relay", "jobs")


def functions_run_what_the_zip_is_made_for(told: Told) -> Faults:
    for name, one in told.of("Lambda::Function").items():
        if (one["Runtime"], one["Architectures"]) != ("python3.13", ["arm64"]):
            yield f"{name}: the zip is made for Python 3.13 on arm64"
        if one.get("TracingConfig") != {"Mode": "Active"}:
            yield f"{name}: is not traced"
        if {key: word(value) for key, value in one["Code"].items()} != {"S3Bucket": "CodeBucket", "S3Key": "CodeKey"}:
            yield f"{name}: runs another zip"
        context, _, role = word(one["FunctionName"]).removeprefix(f"{STACK}-").partition("-")
        if one["Handler"] != f"shop.entrypoints.{context}_lambda.handler":
            yield f"{name}: starts elsewhere"
        told_role = one["Environment"]["Variables"].get("SHOP_ROLE", "")
        if told_role != role or role not in {*ROLES, ""}:
            yield f"{name}: is told that it is {told_role}"


def functions_know_their_stack(told: Told) -> Faults:
    for name, one in told.of("Lambda::Function").items():
        settings = {key: word(value) for key, value in one["Environment"]["Variables"].items()}
        common = {"SHOP_STORAGE": "dynamodb", "SHOP_STACK": STACK, "SHOP_LOG": "LogLevel"}
        if common.items() - settings.items():
            yield f"{name}: is not told {sorted(dict(common.items() - settings.items()))}"
        consumes = word(one["FunctionName"]).endswith("-consumer")
        if (settings.get("SHOP_DELIVERY_ATTEMPTS") == "DeliveryAttempts") != consumes:
            yield f"{name}: consumers, and no others, know when the last attempt is"
    settings = told.function("orders-api")[1]["Environment"]["Variables"]
    if word(settings.get("SHOP_CATALOG_URL")) != f"lambda:{STACK}-catalog-api":
        yield "orders-api: does not know where the catalog is"


def secrets_are_with_those_who_need_them(told: Told) -> Faults:
    for name, one in told.of("Lambda::Function").items():
        function = word(one["FunctionName"]).removeprefix(f"{STACK}-")
        due = {"SHOP_JWT_KEY"} if function.endswith("-api") or function == "feed" else set()
        due |= {"SHOP_PAYMENT_SECRETS"} if function == "orders-api" else set()
        due |= {"SHOP_REDIS_URL"} if function in NETWORKED else set()
        settings = one["Environment"]["Variables"]
        if due != settings.keys() & {*SECRETS, "SHOP_REDIS_URL"}:
            yield f"{name}: has {sorted(settings.keys() & {*SECRETS, 'SHOP_REDIS_URL'})}"
        for setting, key in SECRETS.items():
            resolved = f"{{{{resolve:secretsmanager:${{Secret}}:SecretString:{key}::${{SecretVersion}}}}}}"
            if setting in settings and word(settings[setting]) != resolved:
                yield f"{name}: {setting} is written out"
    if told.whole["Parameters"]["RedisUrl"].get("NoEcho") is not True:
        yield "RedisUrl: may have a password, and is shown"


def logs_end_some_day(told: Told) -> Faults:
    for name, one in told.of("Logs::LogGroup").items():
        if word(one.get("RetentionInDays")) != "LogRetentionDays":
            yield f"{name}: is kept for ever"
    for name, one in told.of("Lambda::Function").items():
        group = told.of("Logs::LogGroup").get(word(one.get("LoggingConfig", {}).get("LogGroup")), {})
        if word(group.get("LogGroupName")) != f"/aws/lambda/{word(one['FunctionName'])}":
            yield f"{name}: logs where nobody looks"
    [stage] = told.of("ApiGatewayV2::Stage").values()
    line = json.loads(stage.get("AccessLogSettings", {}).get("Format", "{}")).values()
    if not {"$context.requestId", "$context.routeKey", "$context.status"} <= set(line):
        yield "the API does not log what it answered"
    yield from (f"the API logs {one}" for one in line if "identity" in one or "authorizer" in one)


def the_api_lets_nobody_flood_it(told: Told) -> Faults:
    [stage] = told.of("ApiGatewayV2::Stage").values()
    limits = {key: word(value) for key, value in stage.get("DefaultRouteSettings", {}).items()}
    if limits != {"ThrottlingRateLimit": "RequestsPerSecond", "ThrottlingBurstLimit": "RequestsAtOnce"}:
        yield "requests are not limited"
    [api] = told.of("ApiGatewayV2::Api").values()
    if api.get("ProtocolType") != "HTTP" or "CorsConfiguration" in api:
        yield "the API is no HTTP API, or answers for other origins by itself"


def everything_that_can_go_wrong_has_its_alarm(told: Told) -> Faults:
    watched = {
        (word(one["Namespace"]), one["MetricName"], *sorted(word(by["Value"]) for by in one["Dimensions"]))
        for one in told.of("CloudWatch::Alarm").values()
    }
    due = {("AWS/ApiGateway", "5xx", "Api"), ("AWS/Lambda", "Errors", "Feed"), ("AWS/Lambda", "Throttles", "Feed")}
    due |= {(f"shop/{STACK}", "shop_circuit_changes", *sorted(("orders", to, "open"))) for to in ("catalog", "redis")}
    for context in CONTEXTS:
        due.add(("AWS/SQS", "ApproximateNumberOfMessagesVisible", f"{told.queue(f'{context}-dead')[0]}.QueueName"))
        due.add(("AWS/SQS", "ApproximateAgeOfOldestMessage", f"{told.queue(context)[0]}.QueueName"))
        due.add(("AWS/Events", "FailedInvocations", f"{STACK}-{context}", "Bus"))
        due.add(("AWS/Lambda", "IteratorAge", told.function(f"{context}-relay")[0]))
        due |= {("AWS/Lambda", "Errors", told.function(f"{context}-{role}")[0]) for role in ROLES}
        due |= {("AWS/Lambda", "Throttles", told.function(f"{context}-{role}")[0]) for role in ("api", "consumer")}
        table, _ = told.named("DynamoDB::Table", "TableName", context)
        due |= {("AWS/DynamoDB", f"{kind}ThrottleEvents", table) for kind in ("Read", "Write")}
    yield from (f"{one}: has no alarm" for one in sorted(due - watched))
    for name, one in told.of("CloudWatch::Alarm").items():
        if [word(to) for to in one.get("AlarmActions", [])] != ["AlarmTopic"] or not one.get("AlarmDescription"):
            yield f"{name}: nobody is told, or not what"
        if one["MetricName"] == "ApproximateNumberOfMessagesVisible" and one["Threshold"] != 0:
            yield f"{name}: one dead letter is enough"


def only_what_speaks_to_redis_is_in_its_network(told: Told) -> Faults:
    for name, one in told.of("Lambda::Function").items():
        place = one.get("VpcConfig")
        inside = word(one["FunctionName"]).removeprefix(f"{STACK}-") in NETWORKED
        if (place is not None) != inside:
            yield f"{name}: {'is not' if inside else 'is'} in the network"
        if place is not None and (place.get("Fn::If", [""])[0] != "MakesRedis" or word(place["Fn::If"][2]) != NOTHING):
            yield f"{name}: is in a network that may not be there"
    for name, one in told.resources.items():
        if one["Type"].startswith(("AWS::EC2::", "AWS::ElastiCache::")):
            if one.get("Condition") not in {"MakesRedis", "MakesSecondZone"}:
                yield f"{name}: is made where a Redis is given"
            if one["Type"].rpartition("::")[2] in {"InternetGateway", "NatGateway", "Route", "EIP"}:
                yield f"{name}: a way out"


def redis_is_encrypted_and_one(told: Told) -> Faults:
    [redis] = told.of("ElastiCache::ReplicationGroup").values()
    due = {"Engine": "valkey", "NumCacheClusters": 1, "AutomaticFailoverEnabled": False, "MultiAZEnabled": False}
    due |= {"TransitEncryptionEnabled": True, "AtRestEncryptionEnabled": True}
    due |= {"CacheParameterGroupName": "default.valkey8"}  # cluster mode off; it evicts what expires only
    yield from (f"Redis: {name} is {redis.get(name)}" for name, value in due.items() if redis.get(name) != value)
    if "resolve:secretsmanager" not in str(word(redis.get("AuthToken"))):
        yield "Redis: lets in whoever reaches it"
    _, orders = told.function("orders-api")
    if not word(orders["Environment"]["Variables"]["SHOP_REDIS_URL"]).startswith("MakesRedis ? rediss://:{{resolve:"):
        yield "Redis: is spoken to in clear"


NOTHING = "AWS::NoValue"
RULES = (
    functions_run_what_the_zip_is_made_for,
    functions_know_their_stack,
    secrets_are_with_those_who_need_them,
    logs_end_some_day,
    the_api_lets_nobody_flood_it,
    everything_that_can_go_wrong_has_its_alarm,
    only_what_speaks_to_redis_is_in_its_network,
    redis_is_encrypted_and_one,
)
