"""Where Redis is: a network without a way out, with doors to the three services that functions in it ask.

All of it is there only if the stack makes the Redis itself.
"""

from __future__ import annotations

from infra.permissions import PUTTING_OFF, SENDING
from infra.words import Json, Resources, allow, arn, attribute, named, policy, ref, secret, sub, when

_ALL = "10.83.0.0/24"
_SUBNETS = {"A": "10.83.0.0/26", "B": "10.83.0.64/26"}
_REDIS_PORT, _TLS_PORT = 6379, 443


def network() -> Resources:
    """Subnets, doors, Redis."""
    return {
        "Network": _of(
            "EC2::VPC",
            CidrBlock=_ALL,
            EnableDnsSupport=True,
            EnableDnsHostnames=True,
            Tags=[{"Key": "Name", "Value": named()}],
        ),
        "Routes": _of("EC2::RouteTable", VpcId=ref("Network")),
        **{name: one for zone in _SUBNETS for name, one in _subnet(zone).items()},
        **_groups(),
        **_doors(),
        **_redis(),
    }


def _of(kind: str, *, condition: str = "MakesRedis", **properties: Json) -> Json:
    return {"Type": f"AWS::{kind}", "Condition": condition, "Properties": properties}


def _subnet(zone: str) -> Resources:
    subnet, condition = f"Subnet{zone}", "MakesRedis" if zone == "A" else "MakesSecondZone"
    place = {"Fn::Select": ["AB".index(zone), {"Fn::GetAZs": ""}]}
    return {
        subnet: _of(
            "EC2::Subnet",
            condition=condition,
            VpcId=ref("Network"),
            CidrBlock=_SUBNETS[zone],
            AvailabilityZone=place,
            MapPublicIpOnLaunch=False,
        ),
        f"{subnet}Routes": _of(
            "EC2::SubnetRouteTableAssociation",
            condition=condition,
            SubnetId=ref(subnet),
            RouteTableId=ref("Routes"),
        ),
    }


def _groups() -> Resources:
    """Functions go to the doors and to Redis; nothing comes to them."""
    leaving = [
        {
            "IpProtocol": "tcp",
            "FromPort": _TLS_PORT,
            "ToPort": _TLS_PORT,
            "CidrIp": "0.0.0.0/0",
        },  # the doors: no other way
        {"IpProtocol": "tcp", "FromPort": _REDIS_PORT, "ToPort": _REDIS_PORT, "CidrIp": _ALL},
    ]
    return {
        "FunctionsGroup": _of(
            "EC2::SecurityGroup",
            GroupDescription="Functions that speak to Redis",
            VpcId=ref("Network"),
            SecurityGroupEgress=leaving,
        ),
        "RedisGroup": _entered("Redis, for the functions alone", _REDIS_PORT),
        "DoorsGroup": _entered("Doors to services, for the functions alone", _TLS_PORT),
    }


def _entered(description: str, port: int) -> Json:
    functions = attribute("FunctionsGroup", "GroupId")
    return _of(
        "EC2::SecurityGroup",
        GroupDescription=description,
        VpcId=ref("Network"),
        SecurityGroupIngress=[
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "SourceSecurityGroupId": functions}
        ],
    )


def _doors() -> Resources:
    """DynamoDB's costs nothing; the others cost by the hour and zone."""
    table = [arn("OrdersTable"), sub("${OrdersTable.Arn}/index/*")]
    return {
        "DynamodbDoor": _of(
            "EC2::VPCEndpoint",
            VpcId=ref("Network"),
            VpcEndpointType="Gateway",
            ServiceName=sub("com.amazonaws.${AWS::Region}.dynamodb"),
            RouteTableIds=[ref("Routes")],
            PolicyDocument=policy(allow(["dynamodb:*"], *table, Principal="*")),
        ),
        "LambdaDoor": _door("lambda", allow(["lambda:InvokeFunction"], arn("CatalogApi"), Principal="*")),
        "SqsDoor": _door("sqs", allow([*PUTTING_OFF, *SENDING], arn("OrdersQueue"), Principal="*")),
    }


def _door(service: str, statement: Json) -> Json:
    return _of(
        "EC2::VPCEndpoint",
        VpcId=ref("Network"),
        VpcEndpointType="Interface",
        ServiceName=sub(f"com.amazonaws.${{AWS::Region}}.{service}"),
        PrivateDnsEnabled=True,
        SubnetIds=_zones(),
        SecurityGroupIds=[attribute("DoorsGroup", "GroupId")],
        PolicyDocument=policy(statement),
    )


def _zones() -> Json:
    return when("TwoZones", [ref("SubnetA"), ref("SubnetB")], [ref("SubnetA")])


def _redis() -> Resources:
    """One node and no copy: a copy that takes over may bring back what was invalidated; without it reads ask the
    catalog until it is back.
    """
    return {
        "RedisSubnets": _of(
            "ElastiCache::SubnetGroup", Description=sub("Redis of ${AWS::StackName}"), SubnetIds=_zones()
        ),
        "Redis": _of(
            "ElastiCache::ReplicationGroup",
            ReplicationGroupDescription=sub("What ${AWS::StackName} has read of its catalog"),
            Engine="valkey",
            EngineVersion="8.0",
            CacheNodeType=ref("RedisNode"),
            NumCacheClusters=1,
            AutomaticFailoverEnabled=False,
            MultiAZEnabled=False,
            Port=_REDIS_PORT,
            CacheParameterGroupName="default.valkey8",  # cluster mode off, volatile-lru
            CacheSubnetGroupName=ref("RedisSubnets"),
            SecurityGroupIds=[attribute("RedisGroup", "GroupId")],
            TransitEncryptionEnabled=True,
            AtRestEncryptionEnabled=True,
            AuthToken=secret("redisToken"),
            SnapshotRetentionLimit=0,
        ),
    }
