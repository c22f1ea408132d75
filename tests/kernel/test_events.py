"""Events on the wire are CloudEvents 1.0, and are read tolerantly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
import pytest

from shop.kernel.events import Cause, Delivery, Envelope, Event, Publisher
from shop.kernel.ids import ids

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class ParcelSent(Event, frozen=True):
    TYPE: ClassVar[str] = "parcel.sent"
    ABOUT: ClassVar[str] = "parcel_id"

    parcel_id: str
    weight_in_grams: int = 0


class ParcelWeighed(Event, frozen=True):
    TYPE: ClassVar[str] = "parcel.weighed"
    ABOUT: ClassVar[str] = "parcel_id"
    VERSION: ClassVar[int] = 3

    parcel_id: str


publish = Publisher(source="/shop/parcels", ids=ids(lambda: NOON))
SENT = ParcelSent(parcel_id="par_1", weight_in_grams=250)


def wire(envelope: Envelope) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(envelope))
    return decoded


def test_a_fact_is_published_as_a_cloudevent() -> None:
    envelope = publish(SENT, at=NOON, cause=Cause(id="req_1", traceparent=TRACE))

    assert wire(envelope) == {
        "specversion": "1.0",
        "id": envelope.id,
        "type": "parcel.sent",
        "source": "/shop/parcels",
        "subject": "par_1",
        "time": "2026-11-23T12:00:00.000000Z",
        "dataschema": "urn:shop:parcel.sent:1",
        "datacontenttype": "application/json",
        "traceparent": TRACE,
        "data": {"parcelId": "par_1", "weightInGrams": 250},
    }


def test_without_a_trace_there_is_no_traceparent() -> None:
    assert "traceparent" not in wire(publish(SENT, at=NOON, cause=Cause(id="req_1")))


def test_the_schema_names_the_version_of_the_type() -> None:
    envelope = publish(ParcelWeighed(parcel_id="par_1"), at=NOON, cause=Cause(id="req_1"))

    assert envelope.dataschema == "urn:shop:parcel.weighed:3"


def test_each_event_has_an_id_of_its_own() -> None:
    cause = Cause(id="req_1")
    published = {publish(SENT, at=NOON, cause=cause).id for _ in range(100)}

    assert len(published) == 100
    assert all(one.startswith("evt_") for one in published)


@pytest.mark.parametrize("traceparent", [None, TRACE])
def test_an_envelope_is_read_back_as_it_was_published(traceparent: str | None) -> None:
    envelope = publish(SENT, at=NOON, cause=Cause(id="req_1", traceparent=traceparent))

    read = msgspec.json.decode(msgspec.json.encode(envelope), type=Envelope)

    assert wire(read) == wire(envelope)
    assert read.read(ParcelSent) == SENT
    assert (read.specversion, read.datacontenttype, read.traceparent) == ("1.0", "application/json", traceparent)


def test_what_the_reader_does_not_know_is_passed_over() -> None:
    text = msgspec.json.encode(
        {
            **wire(publish(SENT, at=NOON, cause=Cause(id="req_1"))),
            "partitionkey": "7",
            "data": {"parcelId": "par_1", "weightInGrams": 250, "colour": {"of": ["the", "box"]}},
        }
    )

    envelope = msgspec.json.decode(text, type=Envelope)

    assert envelope.read(ParcelSent) == SENT


def test_what_the_publisher_left_out_has_its_default() -> None:
    envelope = msgspec.structs.replace(
        publish(SENT, at=NOON, cause=Cause(id="req_1")), data=msgspec.Raw(b'{"parcelId":"par_1"}')
    )

    assert envelope.read(ParcelSent).weight_in_grams == 0


def test_data_of_another_shape_is_refused() -> None:
    envelope = msgspec.structs.replace(
        publish(SENT, at=NOON, cause=Cause(id="req_1")), data=msgspec.Raw(b'{"parcelId":7}')
    )

    with pytest.raises(msgspec.ValidationError):
        envelope.read(ParcelSent)


def test_a_cause_carries_the_delivery_it_ends() -> None:
    delivery = Delivery(id="17", event_id="evt_1", consumer="parcels")

    assert Cause(id="evt_1", delivery=delivery).delivery == delivery
    assert Cause(id="req_1").delivery is None
