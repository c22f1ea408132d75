"""An audit finds each difference between accounts and entries, and none where there is none."""

from __future__ import annotations

import re

import msgspec
import pytest


@pytest.fixture
async def busy(hear, completed, refunded, redeem):
    """Two customers with all that can happen to them."""
    for customer in ("c1", "c2"):
        await hear(completed("ord_1", customer=customer, total="50.00"))
        await hear(completed("ord_2", customer=customer, total="30.00"))
        await redeem(60, customer=customer)
        await hear(refunded("ord_1", "ref_1", customer=customer, before="50.00", after="20.00"))


@pytest.fixture
def tamper(store):
    """Change a document behind everybody's back; None deletes it."""

    async def changed(key, **fields):
        def write(connection):
            [(body,)] = connection.execute("SELECT body FROM rewards_documents WHERE key = ?", (key,)).fetchall()
            body = msgspec.json.encode(msgspec.json.decode(body) | fields)
            connection.execute("UPDATE rewards_documents SET body = ? WHERE key = ?", (body, key))

        await store.file.write(write)

    return changed


@pytest.fixture
def lose(store):
    async def lost(key):
        def delete(connection):
            assert connection.execute("DELETE FROM rewards_documents WHERE key = ?", (key,)).rowcount == 1

        await store.file.write(delete)

    return lost


async def test_an_empty_store_is_in_order(differences):
    assert await differences() == []


@pytest.mark.usefixtures("busy")
async def test_accounts_that_add_up_are_in_order(differences):
    assert await differences() == []


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize(
    ("key", "fields", "sentences"),
    [
        ("account/c1", {"balance": -9}, ["balance is -9, its entries come to -10", "balance is -9, its lots have 0"]),
        ("account/c1", {"spent": 59}, ["balance is -10, its lots have 0, its debt is 9"]),
        ("account/c1", {"lots": {}, "spent": 11}, ["its debt is 11"]),
        ("account/c1", {"seq": 5}, ["booked 5 entries, and 4 are there"]),
        ("account/c1", {"lots": {"2028-11": 80}}, ["balance is -10, its lots have 20, its debt is 0"]),
        (
            "entry/c1/ord_2/one-per-unit/earn",
            {"points": 31},
            ["its entries come to -9", "entry 2 says the balance after it was 80, it was 81"],
        ),
        (
            "entry/c1/ord_1/one-per-unit/earn",
            {"balance_after": 49},
            ["entry 1 says", "entry 2 says the balance after it was 80, it was 79"],
        ),
        ("entry/c1/ref_1/one-per-unit/reverse", {"reverses": None}, ["entry 4 reverses entry None"]),
        ("entry/c1/ref_1/one-per-unit/reverse", {"reverses": 2}, ["entry 4 reverses entry 2, by which ord_1"]),
        ("entry/c1/ref_1/one-per-unit/reverse", {"reverses": 3}, ["entry 4 reverses entry 3"]),
        ("entry/c1/ref_1/one-per-unit/reverse", {"at": "2020-01-01T00:00:00.000000Z"}, ["entry 4 is older"]),
    ],
    ids=lambda one: one if isinstance(one, str) else None,
)
async def test_each_difference_is_named(differences, tamper, key, fields, sentences):
    await tamper(key, **fields)

    found = await differences()

    assert len(found) == len(sentences), found
    for sentence, expected in zip(found, sentences, strict=True):
        assert sentence.startswith("account c1: ")
        assert re.search(expected, sentence)
        assert "\n" not in sentence


@pytest.mark.usefixtures("busy")
async def test_a_lost_entry_is_noticed(differences, lose):
    await lose("entry/c2/ord_2/one-per-unit/earn")

    found = await differences()

    assert [sentence for sentence in found if "not numbered from 1 without gaps" in sentence]
    assert all(sentence.startswith("account c2: ") for sentence in found)


@pytest.mark.usefixtures("busy")
async def test_a_lost_account_is_noticed_once(differences, lose):
    await lose("account/c1")

    assert await differences() == ["account c1: there is none, and there are entries of it"]


async def test_more_taken_back_than_was_earned_is_noticed(differences, hear, completed, refunded):
    await hear(completed("ord_1", total="10.00"))
    for refund_id in ("ref_1", "ref_2"):
        await hear(refunded("ord_1", refund_id, before="10.00", after="0.00"))

    assert await differences() == ["account c1: of the 10 points of entry 1, 20 were taken back"]


async def test_what_is_booked_while_it_reads_does_not_disturb_it(wired, hear, completed):
    for n in range(3):
        await hear(completed(f"ord_{n}", customer=f"c{n}"))
    act = wired.audit()

    class Busy:
        def __getattr__(self, name):
            return getattr(act.ledger, name)

        async def entries(self, customer_id, **page):
            await hear(completed(f"ord_{customer_id}", customer=customer_id))
            return await act.ledger.entries(customer_id, **page)

    assert [difference async for difference in type(act)(ledger=Busy())()] == []


async def test_a_long_ledger_is_read_to_its_end(differences, hear, completed, tamper):
    for n in range(1001):
        await hear(completed(f"ord_{n:04}", total="1.00"))
    assert await differences() == []

    await tamper("entry/c1/ord_0000/one-per-unit/earn", points=2)

    assert len(await differences()) == 2
