from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infra.template import FILE, template
from tests.infra import from_the_code, ignored_elsewhere, may, set_up, watching
from tests.infra.planted import PLANTED
from tests.infra.told import of_text

RULES = {
    rule.__name__: rule for module in (from_the_code, ignored_elsewhere, may, set_up, watching) for rule in module.RULES
}


@pytest.fixture(scope="module")
def text():
    return FILE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def told(text):
    return of_text(text)


def test_the_file_is_what_the_code_makes_of_its_tables(text):
    assert text == template(), "make infra writes it anew"


@pytest.mark.parametrize("rule", RULES)
def test_the_template_keeps(rule, told):
    assert list(RULES[rule](told)) == []


def test_cfn_lint_finds_nothing():
    lint = Path(sys.executable).with_name("cfn-lint")
    said = subprocess.run([lint, FILE], check=False, capture_output=True, text=True)

    assert (said.returncode, said.stdout) == (0, ""), said.stdout + said.stderr


def test_the_template_is_plain_text(text):
    assert text.isascii(), "CloudFormation and IAM take some descriptions in ASCII only"
    assert len(text.encode()) < 1_000_000, "what CloudFormation reads from a bucket"


@pytest.mark.parametrize("fault", PLANTED)
def test_a_fault_planted_in_the_template_is_caught(fault, told):
    rule, plant = PLANTED[fault]
    spoilt = told.copy()

    plant(spoilt.resources)

    assert list(RULES[rule](spoilt))


def test_every_rule_catches_a_fault():
    assert RULES.keys() == {rule for rule, _ in PLANTED.values()}
