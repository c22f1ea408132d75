from __future__ import annotations

import json
import urllib.request
import zipfile

import botocore.session
import pytest

from emulator.run import REGION
from infra.deploy import main
from infra.deployment import SERVICES, Deployment, DeploymentFailed
from infra.template import FILE

pytestmark = pytest.mark.aws

GIVEN = {"RedisUrl": "redis://127.0.0.1:1/0"}
ECHO = """
import os

def handler(event, context):
    told = [os.environ["AWS_LAMBDA_FUNCTION_NAME"], {word!r}, str(len(os.environ["SHOP_JWT_KEY"]))]
    return {{"statusCode": 200, "body": " ".join(told)}}
"""


@pytest.fixture
def clients(on_aws):
    session = botocore.session.get_session()
    return {
        name: session.create_client(name, region_name=REGION, endpoint_url=on_aws.url)
        for name in (*SERVICES, "lambda", "dynamodb")
    }


@pytest.fixture
def said():
    return []


@pytest.fixture
def deployment(clients, said):
    return Deployment(clients=clients, region=REGION, tell=said.append, look_every=0.05)


def code(folder, word):
    path = folder / f"{word}.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name in ("orders", "catalog", "rewards", "feed"):
            made.writestr(f"shop/entrypoints/{name}_lambda.py", ECHO.format(word=word))
        made.writestr("shop/__init__.py", "")
        made.writestr("shop/entrypoints/__init__.py", "")
    return path


def template():
    return FILE.read_text(encoding="utf-8")


def answer(emulator, outputs, path):
    api = outputs["Url"].partition("//")[2].partition(".")[0]
    with urllib.request.urlopen(f"{emulator.url}/_aws/execute-api/{api}/$default{path}", timeout=30) as response:
        return response.read().decode()


def test_the_template_is_deployed_whole_and_each_path_reaches_its_function(deployment, on_aws, stack, tmp_path, said):
    outputs = deployment.deploy(stack=stack, template=template(), code=code(tmp_path, "first"), parameters=GIVEN)

    for path, function in {
        "/orders": "orders-api",
        "/orders/ord_1/cancel": "orders-api",
        "/credit/c": "orders-api",
        "/products/p1": "catalog-api",
        "/search?q=a": "catalog-api",
        "/rewards/c/ledger": "rewards-api",
        "/events": "feed",
        "/nothing/here": "feed",
    }.items():
        assert answer(on_aws, outputs, path) == f"{stack}-{function} first 64", path
    assert any("CREATE_COMPLETE" in line and line.endswith("OrdersTable") for line in said)


def test_another_zip_is_an_update_and_the_same_one_is_none(deployment, on_aws, stack, tmp_path, said):
    first = code(tmp_path, "first")
    deployment.deploy(stack=stack, template=template(), code=first, parameters=GIVEN)

    again = deployment.deploy(stack=stack, template=template(), code=first, parameters={})
    assert said[-1] == f"{stack} is as it should be"
    assert answer(on_aws, again, "/orders") == f"{stack}-orders-api first 64"

    updated = deployment.deploy(stack=stack, template=template(), code=code(tmp_path, "second"), parameters={})
    assert answer(on_aws, updated, "/orders") == f"{stack}-orders-api second 64"


def test_a_new_version_of_the_secret_reaches_the_functions(deployment, on_aws, clients, stack, tmp_path):
    deployment.deploy(stack=stack, template=template(), code=code(tmp_path, "first"), parameters=GIVEN)
    fresh = json.dumps({"jwtKey": "k" * 50, "paymentSecrets": "p" * 50, "redisToken": "r" * 50})
    clients["secretsmanager"].put_secret_value(SecretId=f"{stack}/shop", SecretString=fresh)

    outputs = deployment.deploy(stack=stack, template=template(), code=code(tmp_path, "first"), parameters={})

    assert answer(on_aws, outputs, "/orders") == f"{stack}-orders-api first 50"


def test_what_fails_is_named_with_its_reason_and_the_next_deployment_begins_anew(deployment, stack, tmp_path):
    zipped = code(tmp_path, "first")
    impossible = template().replace("VisibilityTimeout: 180", "VisibilityTimeout: 999999", 1)

    with pytest.raises(DeploymentFailed, match=r"Queue \(AWS::SQS::Queue\): .*VisibilityTimeout"):
        deployment.deploy(stack=stack, template=impossible, code=zipped, parameters=GIVEN)
    outputs = deployment.deploy(stack=stack, template=template(), code=zipped, parameters=GIVEN)

    assert outputs["Bus"] == stack


def test_the_stack_makes_its_own_redis_and_network_where_none_is_given(deployment, clients, stack, tmp_path):
    deployment.deploy(stack=stack, template=template(), code=code(tmp_path, "first"), parameters={})

    told = clients["lambda"].get_function_configuration(FunctionName=f"{stack}-orders-api")
    url = told["Environment"]["Variables"]["SHOP_REDIS_URL"]
    assert url.startswith("rediss://:")
    assert "resolve" not in url


@pytest.mark.usefixtures("on_aws")
def test_the_command_deploys_and_tells_where_the_shop_answers(stack, tmp_path, capsys):
    given = ["--stack", stack, "--zip", str(code(tmp_path, "first")), "--parameters", f"RedisUrl={GIVEN['RedisUrl']}"]

    assert main(given) == 0

    assert "\nUrl: http" in capsys.readouterr().out
