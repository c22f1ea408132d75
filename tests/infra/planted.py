"""Faults of a template: `{what is wrong: (the rule that catches it, what plants it among the resources)}`."""

from __future__ import annotations

PLANTED = {
    "an event that is heard has no rule": (
        "every_event_that_is_heard_has_its_rule",
        lambda t: t["RewardsRule"]["Properties"]["EventPattern"]["detail-type"].remove("order.refunded"),
    ),
    "a rule for what nobody hears": (
        "every_event_that_is_heard_has_its_rule",
        lambda t: t["RewardsRule"]["Properties"]["EventPattern"]["detail-type"].append("order.created"),
    ),
    "a rule that fills another's queue": (
        "every_event_that_is_heard_has_its_rule",
        lambda t: t["RewardsRule"]["Properties"]["Targets"][0].update(Arn={"Fn::GetAtt": ["OrdersQueue", "Arn"]}),
    ),
    "a rule on the bus of all accounts": (
        "every_event_that_is_heard_has_its_rule",
        lambda t: t["OrdersRule"]["Properties"].update(EventBusName="default"),
    ),
    "a job without a schedule": ("every_job_has_its_schedule", lambda t: t.pop("OrdersExpireOrdersSchedule")),
    "a job that runs seldom": (
        "every_job_has_its_schedule",
        lambda t: t["OrdersExpireOrdersSchedule"]["Properties"].update(ScheduleExpression="rate(10 minutes)"),
    ),
    "a schedule of a job that there is not": (
        "every_job_has_its_schedule",
        lambda t: t["OrdersExpireOrdersSchedule"]["Properties"]["Targets"][0].update(Input='{"job": "expire"}'),
    ),
    "a schedule that may not call": ("every_job_has_its_schedule", lambda t: t.pop("OrdersExpireOrdersPermission")),
    "a route that nobody answers": (
        "every_route_is_answered_by_its_context",
        lambda t: t.pop("OrdersApiRoutePaymentsBelow"),
    ),
    "a route that another answers": (
        "every_route_is_answered_by_its_context",
        lambda t: t["OrdersApiRouteOrders"]["Properties"].update(Target={"Fn::Sub": "integrations/${FeedIntegration}"}),
    ),
    "a route that the code has not": (
        "every_route_is_answered_by_its_context",
        lambda t: t["OrdersApiRouteOrders"]["Properties"].update(RouteKey="ANY /orders2"),
    ),
    "an API that may not call": ("what_answers_may_be_called", lambda t: t.pop("CatalogApiPermission")),
    "an API that does not wait": (
        "what_answers_may_be_called",
        lambda t: t["OrdersApiIntegration"]["Properties"].update(TimeoutInMillis=3000),
    ),
    "an index is missing": (
        "tables_are_those_of_the_layouts",
        lambda t: t["OrdersTable"]["Properties"]["GlobalSecondaryIndexes"].pop(),
    ),
    "an index that copies everything": (
        "tables_are_those_of_the_layouts",
        lambda t: t["OrdersTable"]["Properties"]["GlobalSecondaryIndexes"][0].update(
            Projection={"ProjectionType": "ALL"}
        ),
    ),
    "EventBridge drops what it cannot deliver": (
        "events_survive_the_bus",
        lambda t: t["CatalogRule"]["Properties"]["Targets"][0].pop("DeadLetterConfig"),
    ),
    "EventBridge gives up early": (
        "events_survive_the_bus",
        lambda t: t["CatalogRule"]["Properties"]["Targets"][0]["RetryPolicy"].update(MaximumRetryAttempts=3),
    ),
    "messages are seen again too soon": (
        "queues_give_their_consumers_time",
        lambda t: t["CatalogQueue"]["Properties"].update(VisibilityTimeout=179),
    ),
    "a queue without a dead-letter queue": (
        "queues_give_their_consumers_time",
        lambda t: t["CatalogQueue"]["Properties"].pop("RedrivePolicy"),
    ),
    "attempts that the setting does not know": (
        "queues_give_their_consumers_time",
        lambda t: t["CatalogQueue"]["Properties"]["RedrivePolicy"].update(maxReceiveCount=3),
    ),
    "dead letters that are forgotten soon": (
        "queues_give_their_consumers_time",
        lambda t: t["CatalogDeadQueue"]["Properties"].update(MessageRetentionPeriod=345600),
    ),
    "a dead-letter queue that EventBridge may not fill": (
        "only_its_rule_fills_a_queue",
        lambda t: t.pop("CatalogDeadQueuePolicy"),
    ),
    "a queue that any rule may fill": (
        "only_its_rule_fills_a_queue",
        lambda t: t["CatalogQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"][0].update(Condition={}),
    ),
    "one failure fails its batch": (
        "failures_of_a_batch_are_told_apart",
        lambda t: t["OrdersDeliveries"]["Properties"].pop("FunctionResponseTypes"),
    ),
    "a crowd at a hot counter": (
        "failures_of_a_batch_are_told_apart",
        lambda t: t["CatalogDeliveries"]["Properties"]["ScalingConfig"].update(MaximumConcurrency=11),
    ),
    "a relay that is called for every write": (
        "relays_get_what_is_put_into_the_outbox",
        lambda t: t["OrdersOutbox"]["Properties"].pop("FilterCriteria"),
    ),
    "a relay that misses what came before it": (
        "relays_get_what_is_put_into_the_outbox",
        lambda t: t["OrdersOutbox"]["Properties"].update(StartingPosition="LATEST"),
    ),
    "a bad record that holds up a stream": (
        "relays_get_what_is_put_into_the_outbox",
        lambda t: t["OrdersOutbox"]["Properties"].pop("MaximumRetryAttempts"),
    ),
    "a relay that is told to report": (
        "relays_get_what_is_put_into_the_outbox",
        lambda t: t["OrdersOutbox"]["Properties"].update(FunctionResponseTypes=["ReportBatchItemFailures"]),
    ),
    "a table without a way back": (
        "tables_keep_what_they_must",
        lambda t: t["RewardsTable"]["Properties"].pop("PointInTimeRecoverySpecification"),
    ),
    "a table that forgets nothing": (
        "tables_keep_what_they_must",
        lambda t: t["RewardsTable"]["Properties"].pop("TimeToLiveSpecification"),
    ),
    "a table that goes with the stack": (
        "tables_keep_what_they_must",
        lambda t: t["RewardsTable"].update(DeletionPolicy="Delete"),
    ),
    "a job that is tried again": ("jobs_are_not_tried_again", lambda t: t.pop("RewardsJobsOnce")),
    "a permission too few": (
        "each_function_may_do_its_work_and_nothing_else",
        lambda t: _own(t, "OrdersRelayRole")[0]["Action"].pop(),
    ),
    "a permission too many": (
        "each_function_may_do_its_work_and_nothing_else",
        lambda t: _own(t, "FeedRole")[0]["Action"].append("dynamodb:PutItem"),
    ),
    "another context's table": (
        "each_function_may_do_its_work_and_nothing_else",
        lambda t: _own(t, "OrdersApiRole")[0]["Resource"].append({"Fn::GetAtt": ["CatalogTable", "Arn"]}),
    ),
    "a role for two": (
        "each_function_may_do_its_work_and_nothing_else",
        lambda t: t["OrdersJobs"]["Properties"].update(Role={"Fn::GetAtt": ["OrdersApiRole", "Arn"]}),
    ),
    "code that may change the network": (
        "each_function_may_do_its_work_and_nothing_else",
        lambda t: t["OrdersApiRole"]["Properties"]["Policies"][1]["Fn::If"][1]["PolicyDocument"]["Statement"].pop(),
    ),
    "everything on everything": (
        "nothing_is_allowed_on_everything",
        lambda t: _own(t, "OrdersApiRole").append({"Effect": "Allow", "Action": ["dynamodb:*"], "Resource": ["*"]}),
    ),
    "another processor": (
        "functions_run_what_the_zip_is_made_for",
        lambda t: t["OrdersApi"]["Properties"].update(Architectures=["x86_64"]),
    ),
    "another Python": (
        "functions_run_what_the_zip_is_made_for",
        lambda t: t["OrdersApi"]["Properties"].update(Runtime="python3.12"),
    ),
    "no traces": ("functions_run_what_the_zip_is_made_for", lambda t: t["Feed"]["Properties"].pop("TracingConfig")),
    "a wrong role": (
        "functions_run_what_the_zip_is_made_for",
        lambda t: t["OrdersApi"]["Properties"]["Environment"]["Variables"].update(SHOP_ROLE="relay"),
    ),
    "a consumer that does not know its last attempt": (
        "functions_know_their_stack",
        lambda t: t["OrdersConsumer"]["Properties"]["Environment"]["Variables"].pop("SHOP_DELIVERY_ATTEMPTS"),
    ),
    "orders without a catalog": (
        "functions_know_their_stack",
        lambda t: t["OrdersApi"]["Properties"]["Environment"]["Variables"].pop("SHOP_CATALOG_URL"),
    ),
    "a secret for a relay": (
        "secrets_are_with_those_who_need_them",
        lambda t: t["OrdersRelay"]["Properties"]["Environment"]["Variables"].update(SHOP_JWT_KEY="x" * 32),
    ),
    "a secret in the template": (
        "secrets_are_with_those_who_need_them",
        lambda t: t["OrdersApi"]["Properties"]["Environment"]["Variables"].update(SHOP_JWT_KEY="x" * 32),
    ),
    "a door that is narrower than who goes through it": (
        "doors_let_through_what_functions_behind_them_may_do",
        lambda t: t["SqsDoor"]["Properties"]["PolicyDocument"]["Statement"][0]["Action"].remove("sqs:SendMessage"),
    ),
    "a service without a door": (
        "doors_let_through_what_functions_behind_them_may_do",
        lambda t: t.pop("LambdaDoor"),
    ),
    "a log for ever": ("logs_end_some_day", lambda t: t["FeedLog"]["Properties"].pop("RetentionInDays")),
    "a log elsewhere": ("logs_end_some_day", lambda t: t["Feed"]["Properties"].pop("LoggingConfig")),
    "addresses in the log": (
        "logs_end_some_day",
        lambda t: t["Stage"]["Properties"]["AccessLogSettings"].update(
            Format=t["Stage"]["Properties"]["AccessLogSettings"]["Format"].replace("path", "identity.sourceIp")
        ),
    ),
    "an API without limits": (
        "the_api_lets_nobody_flood_it",
        lambda t: t["Stage"]["Properties"].pop("DefaultRouteSettings"),
    ),
    "an API for all pages": (
        "the_api_lets_nobody_flood_it",
        lambda t: t["Api"]["Properties"].update(CorsConfiguration={"AllowOrigins": ["*"]}),
    ),
    "dead letters that nobody hears of": (
        "everything_that_can_go_wrong_has_its_alarm",
        lambda t: t.pop("RewardsDeadAlarm"),
    ),
    "an alarm that tells nobody": (
        "everything_that_can_go_wrong_has_its_alarm",
        lambda t: t["RewardsDeadAlarm"]["Properties"].pop("AlarmActions"),
    ),
    "an alarm for the tenth dead letter": (
        "everything_that_can_go_wrong_has_its_alarm",
        lambda t: t["RewardsDeadAlarm"]["Properties"].update(Threshold=9),
    ),
    "a function in a network for no reason": (
        "only_what_speaks_to_redis_is_in_its_network",
        lambda t: t["CatalogApi"]["Properties"].update(VpcConfig=t["OrdersApi"]["Properties"]["VpcConfig"]),
    ),
    "a network where a Redis is given": (
        "only_what_speaks_to_redis_is_in_its_network",
        lambda t: t["Network"].pop("Condition"),
    ),
    "a Redis for whoever reaches it": (
        "redis_is_encrypted_and_one",
        lambda t: t["Redis"]["Properties"].pop("AuthToken"),
    ),
    "a Redis in clear": (
        "redis_is_encrypted_and_one",
        lambda t: t["Redis"]["Properties"].update(TransitEncryptionEnabled=False),
    ),
    "an alarm of what nobody measures": (
        "what_is_watched_is_measured",
        lambda t: t["ApiFailuresAlarm"]["Properties"].update(MetricName="5XXError"),
    ),
    "an alarm of a function that is not there": (
        "what_is_watched_is_measured",
        lambda t: t["FeedErrorsAlarm"]["Properties"]["Dimensions"][0].update(Value="shop-feed"),
    ),
    "a graph of what nobody measures": (
        "what_is_watched_is_measured",
        lambda t: _redrawn(t, '"ConcurrentExecutions"', '"Concurrency"'),
    ),
    "a graph of a table that is not there": (
        "what_is_watched_is_measured",
        lambda t: _redrawn(t, "${AWS::StackName}-rewards", "${AWS::StackName}-points"),
    ),
    "a graph without a dimension": (
        "what_is_watched_is_measured",
        lambda t: _redrawn(t, '"EventBusName", "${AWS::StackName}", ', ""),
    ),
    "a graph of a figure that is not counted": (
        "what_is_watched_is_measured",
        lambda t: _redrawn(t, 'MetricName=\\"shop_points\\"', 'MetricName=\\"shop_credits\\"'),
    ),
    "a graph by a label that is told nowhere": (
        "what_is_watched_is_measured",
        lambda t: _redrawn(t, "context,answered_by}", "context,layer}"),
    ),
    "a figure without a graph": (
        "every_figure_that_is_told_has_its_graph",
        lambda t: _redrawn(t, "shop_points", "shop_orders"),
    ),
    "graphs one over the other": (
        "graphs_stand_side_by_side",
        lambda t: _redrawn(t, '"x": 6', '"x": 5'),
    ),
}


def _own(resources, role):
    return resources[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]


def _redrawn(resources, now, then):
    body = resources["Dashboard"]["Properties"]["DashboardBody"]
    assert now in body["Fn::Sub"]
    body["Fn::Sub"] = body["Fn::Sub"].replace(now, then)
