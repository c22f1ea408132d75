"""What each function may do, written out: one permission more or less is a fault."""

from __future__ import annotations

from tests.infra.told import CONTEXTS, Faults, Told, grants, statements, word

NETWORK = {
    f"ec2:{act}"
    for act in (
        "CreateNetworkInterface",
        "DeleteNetworkInterface",
        "DescribeNetworkInterfaces",
        "DescribeSubnets",
        "AssignPrivateIpAddresses",
        "UnassignPrivateIpAddresses",
    )
}
TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}  # AWS has no other resource for them than *
NETWORKED = {"orders-api", "orders-consumer"}
RECORDS = {  # by role, besides GetItem, BatchGetItem and PutItem; tests/deployed says what each is for
    "catalog-api": "UpdateItem Query DeleteItem",
    "catalog-consumer": "UpdateItem",
    "catalog-jobs": "UpdateItem Query",
    "orders-api": "UpdateItem",
    "orders-consumer": "UpdateItem",
    "orders-jobs": "UpdateItem Query",
    "rewards-api": "",
    "rewards-consumer": "",
    "rewards-jobs": "Query",
}
STREAM = "DescribeStream GetRecords GetShardIterator"
BY_LAMBDA = {"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"}
QUEUE = "ReceiveMessage DeleteMessage GetQueueAttributes GetQueueUrl ChangeMessageVisibility"


def each_function_may_do_its_work_and_nothing_else(told: Told) -> Faults:
    wanted = {f"{context}-{role}" for context in CONTEXTS for role in ("api", "consumer", "relay", "jobs")} | {"feed"}
    for name in sorted(wanted):
        logical, function = told.function(name)
        if not function:
            yield logical
            continue
        role = told.resources[word(function["Role"]).removesuffix(".Arn")]["Properties"]
        given, due = grants(role), _due(name, told)
        yield from (f"{name}: may not {action} on {resource}" for action, resource in sorted(due - given))
        yield from (f"{name}: may {action} on {resource}" for action, resource in sorted(given - due))
        refused = {action for one in statements(role) if one["Effect"] == "Deny" for action in one["Action"]}
        if refused != (NETWORK if name in NETWORKED else set()):
            yield f"{name}: its own code may change the network"
        if role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] != {"Service": ["lambda.amazonaws.com"]}:
            yield f"{name}: others may act as it"
        if "ManagedPolicyArns" in role:
            yield f"{name}: has policies that are not in the template"
    if len(told.of("Lambda::Function")) != len(wanted):
        yield "there are other functions"
    roles = [word(one["Role"]) for one in told.of("Lambda::Function").values()]
    if len(set(roles)) != len(roles) or len(told.of("IAM::Role")) != len(roles):
        yield "functions share a role, or there are others"


def nothing_is_allowed_on_everything(told: Told) -> Faults:
    for name, role in told.of("IAM::Role").items():
        for action, resource in grants(role):
            if "*" in action:
                yield f"{name}: {action}"
            if resource == "*" and action not in TRACES | NETWORK:
                yield f"{name}: {action} on everything"
    for name, queue in told.of("SQS::QueuePolicy").items():
        for one in queue["PolicyDocument"]["Statement"]:
            if one["Principal"] != {"Service": "events.amazonaws.com"} or "*" in map(word, one["Resource"]):
                yield f"{name}: lets others in"


def doors_let_through_what_functions_behind_them_may_do(told: Told) -> Faults:
    """But for what Lambda itself does in their name, which does not come this way."""
    doors = {
        word(one["ServiceName"]).rpartition(".")[2]: grants({"Policies": [one]})
        for one in told.of("EC2::VPCEndpoint").values()
    }
    for name in sorted(NETWORKED):
        role = told.resources[word(told.function(name)[1]["Role"]).removesuffix(".Arn")]["Properties"]
        for action, resource in sorted(grants(role)):
            service, _, act = action.partition(":")
            if service in {"ec2", "logs", "xray"} or act in BY_LAMBDA:
                continue
            let_through = doors.get(service, set())
            if (action, resource) not in let_through and (f"{service}:*", resource) not in let_through:
                yield f"{name}: no door lets {action} on {resource} through"


def _due(name: str, told: Told) -> set[tuple[str, str]]:
    context, _, role = name.partition("-")
    function, _ = told.function(name)
    due = {(f"logs:{act}", f"{function}Log.Arn") for act in ("CreateLogStream", "PutLogEvents")}
    due |= {(act, "*") for act in TRACES | (NETWORK if name in NETWORKED else set())}
    if role in {"api", "consumer", "jobs"}:
        table, _ = told.named("DynamoDB::Table", "TableName", context)
        acts = f"GetItem BatchGetItem PutItem {RECORDS[name]}"
        due |= {(f"dynamodb:{act}", f"{table}.Arn") for act in acts.split()}
    if role in {"api", "jobs"}:
        due.add(("dynamodb:Query", f"${{{table}.Arn}}/index/*"))
    if role in {"relay", "jobs"}:
        table, _ = told.named("DynamoDB::Table", "TableName", context)
        log, _ = told.named("DynamoDB::Table", "TableName", "log")
        due |= {("events:PutEvents", "Bus.Arn"), ("dynamodb:BatchWriteItem", f"{table}.Arn")}
        due |= {("dynamodb:BatchWriteItem", f"{log}.Arn"), ("dynamodb:PutItem", f"{log}.Arn")}
    if role == "relay":
        due |= {(f"dynamodb:{act}", f"{table}.StreamArn") for act in STREAM.split()}
        due.add(("dynamodb:ListStreams", f"${{{table}.Arn}}/stream/*"))
    if role == "consumer":
        due |= {(f"sqs:{act}", f"{told.queue(context)[0]}.Arn") for act in QUEUE.split()}
    if name == "orders-consumer":
        due.add(("sqs:SendMessage", f"{told.queue('orders')[0]}.Arn"))
    if name == "orders-api":
        due.add(("lambda:InvokeFunction", f"{told.function('catalog-api')[0]}.Arn"))
    if name == "feed":
        due.add(("dynamodb:Query", f"{told.named('DynamoDB::Table', 'TableName', 'log')[0]}.Arn"))
    return due


RULES = (
    each_function_may_do_its_work_and_nothing_else,
    nothing_is_allowed_on_everything,
    doors_let_through_what_functions_behind_them_may_do,
)
