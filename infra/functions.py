"""The functions: one zip, and the role that says what of it is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from infra import permissions
from infra.bus import CONSUMER_SECONDS
from infra.house import Context
from infra.words import Json, Resources, arn, attribute, logical, named, policy, ref, secret, sub, when

ANSWER_SECONDS = 20  # an API's; orders waits 5 s for the catalog at most
_RELAY_SECONDS = 60
_JOB_SECONDS = 120  # what is left is done by the next run
_NETWORKED = {"orders": ("api", "consumer")}  # context -> its roles that speak to Redis
_COUNTING = {"catalog", "orders"}  # contexts with counters: stock, credit


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One of them; `role` is empty for the feed, which has none."""

    context: str
    role: str
    memory: int  # MB; the share of a core goes with it
    seconds: int
    settings: Mapping[str, Json] = field(default_factory=dict)  # those of its role alone
    may: Sequence[Json] = ()  # statements of its policy, besides its log and its traces

    @property
    def id(self) -> str:
        """`OrdersApi`; what belongs to it begins so."""
        return logical(self.context, *filter(None, [self.role]))

    @property
    def name(self) -> str:
        """`orders-api`, after the stack's own."""
        return "-".join(filter(None, [self.context, self.role]))

    @property
    def networked(self) -> bool:
        """Speaks to Redis: if the stack makes one, from inside its network."""
        return self.role in _NETWORKED.get(self.context, ())


def functions(contexts: Iterable[Context]) -> list[Function]:
    """Four per context, and the feed."""
    found = [function for one in contexts for function in _of(one)]
    feed = Function(
        context="feed",
        role="",
        memory=512,
        seconds=ANSWER_SECONDS,
        settings=_CALLERS | _KEPT,
        may=permissions.feeding(),
    )
    return [*found, feed]


_CALLERS = {"SHOP_JWT_KEY": secret("jwtKey"), "SHOP_CORS_ORIGINS": ref("CorsOrigins")}
_KEPT = {"SHOP_EVENT_RETENTION_DAYS": ref("EventRetentionDays")}  # of those who write the log, or read it
_MADE_REDIS = sub(f"rediss://:{secret('redisToken')['Fn::Sub']}@${{Redis.PrimaryEndPoint.Address}}:6379/0")
_REDIS = {"SHOP_REDIS_URL": when("MakesRedis", _MADE_REDIS, ref("RedisUrl"))}
_ANSWERING = {
    "orders": {
        "SHOP_PAYMENT_SECRETS": secret("paymentSecrets"),
        "SHOP_ORDER_EXPIRY_MINUTES": ref("OrderExpiryMinutes"),
        "SHOP_CATALOG_URL": sub("lambda:${AWS::StackName}-catalog-api"),
        **_REDIS,
    },
    "catalog": {"SHOP_CACHE_TAG_HEADERS": ref("CacheTagHeaders")},
    "rewards": {"SHOP_POINT_VALUE": ref("PointValue")},
}


def _of(one: Context) -> Iterator[Function]:
    context, counts = one.name, one.name in _COUNTING
    searched = bool(one.layout.words)
    asked = permissions.asking("CatalogApi") if context == "orders" else []
    yield Function(
        context=context,
        role="api",
        memory=1024,
        seconds=ANSWER_SECONDS,
        settings=_CALLERS | _ANSWERING.get(context, {}),
        may=[*permissions.records(context, counts=counts, searches=searched, finds=True), *asked],
    )
    yield Function(
        context=context,
        role="consumer",
        memory=512,
        seconds=CONSUMER_SECONDS,
        settings={"SHOP_DELIVERY_ATTEMPTS": ref("DeliveryAttempts"), **(_REDIS if context == "orders" else {})},
        may=[
            *permissions.records(context, counts=counts, searches=False, finds=False),
            *permissions.queued(context, once_more=one.once_more),
        ],
    )
    yield Function(
        context=context,
        role="relay",
        memory=512,
        seconds=_RELAY_SECONDS,
        settings=_KEPT,
        may=[*permissions.streamed(context), *permissions.publishing(context)],
    )
    yield Function(
        context=context,
        role="jobs",
        memory=512,
        seconds=_JOB_SECONDS,
        settings=_KEPT,
        may=[
            *permissions.records(context, counts=counts, searches=False, finds=True),
            *permissions.sweeping(context),
        ],
    )


def made(one: Function) -> Resources:
    """The function, the role it acts in, and its log."""
    log_group, role = f"{one.id}Log", f"{one.id}Role"
    full_name = sub(
        "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-" + one.name
    )
    entering = when("MakesRedis", _inline("network", permissions.inside(full_name)))
    return {
        log_group: {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {
                "LogGroupName": sub("/aws/lambda/${AWS::StackName}-" + one.name),
                "RetentionInDays": ref("LogRetentionDays"),
            },
        },
        role: {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "Description": f"What {one.name} may do",
                "AssumeRolePolicyDocument": policy(
                    {
                        "Effect": "Allow",
                        "Action": ["sts:AssumeRole"],
                        "Principal": {"Service": ["lambda.amazonaws.com"]},
                    }
                ),
                "Policies": [
                    _inline("own", [*one.may, *permissions.watched(log_group)]),
                    *([entering] if one.networked else []),
                ],
            },
        },
        one.id: {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": named(one.name),
                "Runtime": "python3.13",
                "Architectures": ["arm64"],
                "Handler": f"shop.entrypoints.{one.context}_lambda.handler",
                "Code": {"S3Bucket": ref("CodeBucket"), "S3Key": ref("CodeKey")},
                "Role": arn(role),
                "MemorySize": one.memory,
                "Timeout": one.seconds,
                "TracingConfig": {"Mode": "Active"},
                "Layers": when("TellsSpans", [ref("SpansLayer")]),
                "LoggingConfig": {"LogGroup": ref(log_group), "LogFormat": "Text"},
                "Environment": {"Variables": _environment(one)},
                **({"VpcConfig": when("MakesRedis", _inside())} if one.networked else {}),
            },
        },
    }


def _environment(one: Function) -> Mapping[str, Json]:
    return {
        **({"SHOP_ROLE": one.role} if one.role else {}),
        "SHOP_STORAGE": "dynamodb",
        "SHOP_STACK": named(),
        "SHOP_LOG": ref("LogLevel"),
        "OTEL_TRACES_EXPORTER": when("TellsSpans", "xray", "none"),
        **one.settings,
    }


def _inline(name: str, statements: Sequence[Json]) -> Json:
    return {"PolicyName": name, "PolicyDocument": policy(*statements)}


def _inside() -> Json:
    zones = when("TwoZones", [ref("SubnetA"), ref("SubnetB")], [ref("SubnetA")])
    return {"SubnetIds": zones, "SecurityGroupIds": [attribute("FunctionsGroup", "GroupId")]}
