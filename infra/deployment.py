"""A deployment: the zip and the template go into a bucket, the stack's secret is made if there is none, and a change
set is carried out while it is told what happens. The same for an account and for an emulator.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

SERVICES = ("cloudformation", "s3", "secretsmanager", "sts")

_PATIENCE = 3600.0  # seconds: making a Redis takes ten minutes, ending its network up to forty
_NOTHING_TO_DO = ("didn't contain changes", "no updates are to be performed")


class DeploymentFailed(Exception):
    """Says what failed, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Into one account and region: `clients` has botocore's own, by service (`SERVICES`)."""

    clients: Mapping[str, Any]
    region: str
    tell: Callable[[str], None] = field(default=print)
    wait: Callable[[float], None] = field(default=time.sleep)
    look_every: float = 2.0  # seconds

    def deploy(self, *, stack: str, template: str, code: Path, parameters: Mapping[str, str]) -> dict[str, str]:
        """Make the stack, or make it as the template and the zip say; its outputs. `DeploymentFailed`.

        A parameter that is not given stays as it was, or gets its default.
        """
        bucket = self._bucket(stack)
        key = self._uploaded(bucket, code.read_bytes(), ending="zip")
        url = self._url(bucket, self._uploaded(bucket, template.encode(), ending="yaml"))
        name, version = self._secret(stack)
        own = {"CodeBucket": bucket, "CodeKey": key, "Secret": name, "SecretVersion": version}
        there = self._usable(stack)
        change = self._change_set(stack, url, {**own, **parameters}, there)
        if change is not None:
            self._carry_out(stack, change)
        return {one["OutputKey"]: one["OutputValue"] for one in (self._stack(stack) or {}).get("Outputs", [])}

    def _bucket(self, stack: str) -> str:
        """Private, of this account, made on the first deployment."""
        s3 = self.clients["s3"]
        account = self.clients["sts"].get_caller_identity()["Account"]
        whose = hashlib.sha256(f"{account} {self.region}".encode()).hexdigest()[:16]
        name = f"{stack}-deployments-{whose}"
        try:
            s3.head_bucket(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
                raise DeploymentFailed(f"the bucket {name} cannot be used: {error}") from error
            place = {} if self.region == "us-east-1" else {"LocationConstraint": self.region}
            s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
            every = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(every, True))
            self.tell(f"made the bucket {name}")
        return name

    def _uploaded(self, bucket: str, content: bytes, *, ending: str) -> str:
        """Under its digest: the same content is the same key, and an older one stays to go back to."""
        key = f"{hashlib.sha256(content).hexdigest()[:32]}.{ending}"
        self.clients["s3"].put_object(Bucket=bucket, Key=key, Body=content)
        return key

    def _url(self, bucket: str, key: str) -> str:
        endpoint = self.clients["s3"].meta.endpoint_url
        if "amazonaws" in endpoint:
            return f"https://{bucket}.s3.{self.region}.amazonaws.com/{key}"
        return f"{endpoint}/{bucket}/{key}"

    def _secret(self, stack: str) -> tuple[str, str]:
        """Its name and its newest version; made with chance on the first deployment."""
        manager, name = self.clients["secretsmanager"], f"{stack}/shop"
        try:
            told = manager.describe_secret(SecretId=name)
        except manager.exceptions.ResourceNotFoundException:
            fresh = {
                key: secrets.token_hex(32) for key in ("jwtKey", "paymentSecrets", "redisToken")
            }  # as Redis takes them
            version = str(manager.create_secret(Name=name, SecretString=json.dumps(fresh))["VersionId"])
            self.tell(f"made the secret {name}: put the payment provider's own into its paymentSecrets")
            return name, version
        return name, next(one for one, stages in told["VersionIdsToStages"].items() if "AWSCURRENT" in stages)

    def _stack(self, stack: str) -> Mapping[str, Any] | None:
        try:
            told = self.clients["cloudformation"].describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return None if told["StackStatus"] == "REVIEW_IN_PROGRESS" else dict(told)

    def _usable(self, stack: str) -> Mapping[str, Any] | None:
        """The stack; one that failed when it was made has nothing in it, and goes first."""
        there = self._stack(stack)
        if there is None or there["StackStatus"] != "ROLLBACK_COMPLETE":
            return there
        self.tell(f"removing what is left of {stack}, which could not be made")
        self.clients["cloudformation"].delete_stack(StackName=stack)
        for _ in self._looks():
            if self._stack(stack) is None:
                return None
        raise DeploymentFailed(f"{stack}: what is left of it is not removed after {_PATIENCE:g} s")

    def _change_set(
        self,
        stack: str,
        url: str,
        parameters: Mapping[str, str],
        there: Mapping[str, Any] | None,
    ) -> str | None:
        """Its name; None: there is nothing to change. A parameter that the template has no more is left out."""
        summary = self.clients["cloudformation"].get_template_summary(TemplateURL=url)
        known = {one["ParameterKey"] for one in summary["Parameters"]}
        cloudformation, name = self.clients["cloudformation"], f"deploy-{secrets.token_hex(6)}"
        before = {one["ParameterKey"] for one in (there or {}).get("Parameters", [])} & known
        try:
            cloudformation.create_change_set(
                StackName=stack,
                ChangeSetName=name,
                ChangeSetType="UPDATE" if there else "CREATE",
                TemplateURL=url,
                Capabilities=["CAPABILITY_IAM"],
                Parameters=[
                    *({"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()),
                    *({"ParameterKey": key, "UsePreviousValue": True} for key in sorted(before - parameters.keys())),
                ],
            )
        except ClientError as error:
            raise DeploymentFailed(f"{stack} cannot be changed so: {error}") from error
        for _ in self._looks():
            told = cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)
            if told["Status"] == "CREATE_COMPLETE":
                return name
            if told["Status"] == "FAILED":
                why = told.get("StatusReason", "")
                cloudformation.delete_change_set(StackName=stack, ChangeSetName=name)
                if any(one in why.lower() for one in _NOTHING_TO_DO):
                    self.tell(f"{stack} is as it should be")
                    return None
                raise DeploymentFailed(f"{stack} cannot be changed so: {why}")
        raise DeploymentFailed(f"{stack}: CloudFormation does not say what it would change")

    def _carry_out(self, stack: str, change: str) -> None:
        cloudformation = self.clients["cloudformation"]
        seen = {event["EventId"] for event in self._events(stack)}
        cloudformation.execute_change_set(StackName=stack, ChangeSetName=change)
        failed: list[str] = []
        for _ in self._looks():
            told = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
            for event in [one for one in self._events(stack) if one["EventId"] not in seen][::-1]:
                seen.add(event["EventId"])
                failed += self._told(event)
            status = told["StackStatus"]
            if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
                return
            if not status.endswith("IN_PROGRESS"):
                why = "\n".join(failed) or told.get("StackStatusReason", "it does not say why")
                raise DeploymentFailed(f"{stack}: {status}\n{why}")
        raise DeploymentFailed(f"{stack}: not done after {_PATIENCE:g} s")

    def _told(self, event: Mapping[str, Any]) -> Iterator[str]:
        """Tells an event; gives it if it is a failure, and not one that another's only cut short."""
        status, reason = event["ResourceStatus"], event.get("ResourceStatusReason", "")
        if status.endswith(("_COMPLETE", "_FAILED")):
            self.tell(f"{status:<28} {event['LogicalResourceId']}")
        if status.endswith("_FAILED") and "cancelled" not in reason.lower():
            yield f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"

    def _events(self, stack: str) -> list[Mapping[str, Any]]:
        """All there are, the newest first."""
        pages = self.clients["cloudformation"].get_paginator("describe_stack_events").paginate(StackName=stack)
        return [event for page in pages for event in page["StackEvents"]]

    def _looks(self) -> Iterator[None]:
        for _ in range(int(_PATIENCE / self.look_every)):
            yield
            self.wait(self.look_every)
