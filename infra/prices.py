"""What AWS asks, in dollars: us-east-1, on demand, without free tiers and taxes, as of December 2025.

From the services' own pricing pages. Prices change: look before you decide by them.
"""

from __future__ import annotations

MILLION = 1_000_000
HOURS = 24  # of a day
DAYS = 30  # of a month

HTTP_REQUEST = 1.00 / MILLION  # API Gateway, HTTP API
INVOCATION = 0.20 / MILLION
GB_SECOND = 0.0000133334  # Lambda, arm64
WRITE_UNIT = 0.625 / MILLION  # DynamoDB, 1 KB
READ_UNIT = 0.125 / MILLION  # 4 KB, consistent
EVENT = 1.00 / MILLION  # EventBridge, 64 KB
QUEUE_REQUEST = 0.40 / MILLION
LOGGED_GB = 0.50
TRACE = 5.00 / MILLION
ALARM = 0.10 / DAYS
DASHBOARD = 3.00 / DAYS
CUSTOM_METRIC = 0.30 / DAYS  # while it comes, by the hour; the first 10,000
SECRET = 0.40 / DAYS
DOOR = 0.01 * HOURS  # an interface endpoint in one zone
NAT = 0.045 * HOURS
VALKEY_NODE = 0.0128 * HOURS  # cache.t4g.micro
SERVERLESS_VALKEY = 0.084 * 0.1 * HOURS  # 100 MB, the least
