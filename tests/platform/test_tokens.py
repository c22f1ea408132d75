"""Bearer tokens: signed with the local key, checked against it and the clock."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.platform.tokens import Caller, Tokens, WrongToken

KEY = "k" * 32
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["alg", "typ", "crit", "b64", "sub", "role", "exp"]), inner, max_size=4)
    ),
    max_leaves=6,
)


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _signed(claims: bytes, head: bytes = b'{"alg":"HS256"}') -> str:
    signed = f"{_b64(head)}.{_b64(claims)}"
    return f"{signed}.{_b64(hmac.digest(KEY.encode(), signed.encode(), hashlib.sha256))}"


@pytest.fixture
def tokens(clock):
    return Tokens(KEY, clock=clock)


@pytest.mark.parametrize("role", ["customer", "staff"])
def test_a_token_names_its_bearer(tokens, role):
    assert tokens.verify(tokens.sign(subject="c1", role=role, lifetime=HOUR)) == Caller("c1", role)


def test_a_token_is_an_ordinary_jwt_with_the_key_s_hmac(tokens):
    assert tokens.verify(_signed(b'{"sub":"c1","role":"staff","exp":9999999999,"other":[1]}')) == Caller("c1", "staff")


def test_a_token_runs_out_at_its_second(tokens, clock):
    token = tokens.sign(subject="c1", role="staff", lifetime=HOUR)
    clock.forward(HOUR - timedelta(microseconds=1))
    tokens.verify(token)
    clock.forward(timedelta(microseconds=1))

    for _ in range(2):
        with pytest.raises(WrongToken, match="run out"):
            tokens.verify(token)


def test_a_token_that_had_run_out_before_it_was_first_seen_is_refused(tokens, clock):
    token = tokens.sign(subject="c1", role="staff", lifetime=HOUR)
    clock.forward(2 * HOUR)

    with pytest.raises(WrongToken, match="run out"):
        tokens.verify(token)


@pytest.mark.parametrize(
    "claims",
    [
        b'{"role":"staff","exp":9999999999}',
        b'{"sub":"c1","exp":9999999999}',
        b'{"sub":"c1","role":"staff"}',
        b'{"sub":"c1","role":"admin","exp":9999999999}',
        b'{"sub":"c1","role":"Staff","exp":9999999999}',
        b'{"sub":"c1","role":["staff"],"exp":9999999999}',
        b'{"sub":"","role":"staff","exp":9999999999}',
        b'{"sub":1,"role":"staff","exp":9999999999}',
        b'{"sub":"c1","role":"staff","exp":"9999999999"}',
        b'{"sub":"c1","role":"staff","exp":true}',
        b'{"sub":"c1","role":"staff","exp":NaN}',
        b'{"sub":"%s","role":"staff","exp":9999999999}' % (b"x" * 101),
        b"[]",
        b"null",
        b"1",
        b"rubbish",
        b"",
    ],
)
def test_a_token_with_other_claims_is_refused_though_we_signed_it(tokens, claims):
    with pytest.raises(WrongToken):
        tokens.verify(_signed(claims))


@pytest.mark.parametrize(
    "head",
    [b"[]", b"null", b"1", b'"HS256"', b"{}", b"rubbish", b"", b"[" * 50_000, b'{"alg":[]}', b'{"alg":{}}',
     b'{"alg":"HS256","crit":["exp"]}', b'{"alg":"HS256","crit":1}', b'{"alg":"HS256","crit":null}',
     b'{"alg":"HS256","b64":false}'],
    ids=lambda head: head[:30].decode(),
)  # fmt: skip
def test_a_token_with_a_head_that_is_none_is_refused(tokens, head):
    with pytest.raises(WrongToken):
        tokens.verify(_signed(b'{"sub":"c1","role":"staff","exp":9999999999}', head))


@given(st.text(max_size=80) | st.from_regex(r"\A[A-Za-z0-9_-]{0,30}\.[A-Za-z0-9_-]{0,30}\.[A-Za-z0-9_-]{0,30}\Z"))
def test_no_text_is_anything_but_a_wrong_token(text):
    with pytest.raises(WrongToken):
        Tokens(KEY, clock=lambda: NOW).verify(text)


@given(head=JSON, claims=JSON)
def test_no_head_nor_claims_raise_anything_but_wrong_token(head, claims):
    with pytest.raises(WrongToken):
        Tokens(KEY, clock=lambda: NOW).verify(_signed(msgspec.json.encode(claims), msgspec.json.encode(head)))


def test_a_changed_letter_anywhere_is_refused(tokens):
    token = tokens.sign(subject="c1", role="customer", lifetime=HOUR)
    tokens.verify(token)

    for place in range(len(token) - 1):  # the last letter has bits that do not count
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(WrongToken):
            tokens.verify(changed)


def test_what_is_remembered_of_checked_tokens_is_bounded(tokens):
    for n in range(10_050):
        tokens._remembered[str(n)] = (Caller("c", "staff"), 0.0)

    tokens.verify(tokens.sign(subject="c1", role="staff", lifetime=HOUR))

    assert len(tokens._remembered) <= 10_000
