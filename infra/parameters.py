"""What whoever deploys decides; the rest of the template follows from the code."""

from __future__ import annotations

from infra.words import Json
from shop.platform.bus import MOST_ATTEMPTS

PARAMETERS: Json = {
    "CodeBucket": {"Type": "String", "Description": "Bucket of the zip"},
    "CodeKey": {"Type": "String", "Description": "The zip's key, which has its digest: another zip is another key"},
    "Secret": {
        "Type": "String",
        "Description": "Name of the secret: JSON with jwtKey, paymentSecrets and redisToken, 32 characters each",
    },
    "SecretVersion": {
        "Type": "String",
        "Default": "",
        "Description": "Its VersionId, so that a new version is a change that is deployed",
    },
    "RedisUrl": {
        "Type": "String",
        "Default": "",
        "NoEcho": True,
        "Description": "A Redis that is there already (rediss://...); else the stack makes one, in a network",
    },
    "RedisNode": {"Type": "String", "Default": "cache.t4g.micro", "Description": "Type of the Redis node it makes"},
    "Zones": {
        "Type": "String",
        "Default": "2",
        "AllowedValues": ["1", "2"],
        "Description": "Availability zones of that network; doors to services cost by the zone",
    },
    "DeliveryAttempts": {
        "Type": "Number",
        "Default": MOST_ATTEMPTS,
        "MinValue": 1,
        "MaxValue": MOST_ATTEMPTS,
        "Description": "So often an event is delivered, then it is a dead letter; all 24 of them take a day",
    },
    "OrderExpiryMinutes": {
        "Type": "Number",
        "Default": 30,
        "MinValue": 0.01,
        "Description": "Unpaid orders may wait so long; the clock looks every minute",
    },
    "EventRetentionDays": {
        "Type": "Number",
        "Default": 30,
        "MinValue": 1,
        "Description": "`GET /events` has them so long",
    },
    "CorsOrigins": {"Type": "String", "Default": "", "Description": "Whose pages may call from a browser, with commas"},
    "CacheTagHeaders": {
        "Type": "String",
        "Default": "",
        "Description": "Names by which a CDN knows Cache-Tags, with commas",
    },
    "PointValue": {"Type": "String", "Default": "0.01 EUR", "Description": "What a point is worth when it is redeemed"},
    "RequestsPerSecond": {"Type": "Number", "Default": 200, "Description": "Of all callers; above it they get 429"},
    "RequestsAtOnce": {"Type": "Number", "Default": 400, "Description": "Of all callers, in a burst"},
    "SpansLayer": {
        "Type": "String",
        "Default": "",
        "Description": "ARN of the layer that `make lambda LAYER=yes` makes; with it X-Ray sees what functions do",
    },
    "LogLevel": {"Type": "String", "Default": "info", "AllowedValues": ["debug", "info", "warning", "error"]},
    "LogRetentionDays": {
        "Type": "Number",
        "Default": 30,
        "AllowedValues": [1, 3, 5, 7, 14, 30, 60, 90, 180, 365],
        "Description": "Logs are kept so long",
    },
    "AlarmEmail": {"Type": "String", "Default": "", "Description": "Who is told; the topic is in the outputs besides"},
}

CONDITIONS: Json = {
    "MakesRedis": {"Fn::Equals": [{"Ref": "RedisUrl"}, ""]},
    "TwoZones": {"Fn::Equals": [{"Ref": "Zones"}, "2"]},
    "MakesSecondZone": {"Fn::And": [{"Condition": "MakesRedis"}, {"Condition": "TwoZones"}]},
    "TellsSpans": {"Fn::Not": [{"Fn::Equals": [{"Ref": "SpansLayer"}, ""]}]},
    "SendsMail": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]},
}
