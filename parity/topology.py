"""The topologies: where the contexts of the shop run, and what they share."""

from __future__ import annotations

ONE_PROCESS, SERVERS, FUNCTIONS = "one-process", "servers", "functions"
TOPOLOGIES = (ONE_PROCESS, SERVERS, FUNCTIONS)
TOLD = {
    ONE_PROCESS: "one process, SQLite",
    SERVERS: "three servers, DynamoDB + EventBridge + SQS, Valkey",
    FUNCTIONS: "Lambda functions behind API Gateway, deployed from the template, Valkey",
}
JWT_KEY, PAYMENT_SECRET = "j" * 40, "p" * 40
