"""AWS Lambda: events of API Gateway become requests, one loop runs them all, and who slept hears before it acts."""

from __future__ import annotations

import asyncio
import base64
import socket
from datetime import timedelta

import pytest

from shop.platform.lambda_adapter import Awake, Environment, NoAnswer, answering


def event(method="GET", path="/products/p1", **more):
    """As API Gateway sends it, payload format 2.0."""
    asked = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "abc.execute-api.eu-central-1.amazonaws.com", "accept": "*/*"},
        "requestContext": {
            "domainName": "abc.execute-api.eu-central-1.amazonaws.com",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7"},
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    return asked | more


class App:
    """Notes what it is asked, and answers as it is told."""

    def __init__(self, *parts: bytes, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        self.scope: dict = {}
        self.body = b""
        self._parts = parts or (b"",)
        self._status = status
        self._headers = headers or []

    async def __call__(self, scope, receive, send):
        self.scope = scope
        while (message := await receive())["type"] == "http.request":
            self.body += message["body"]
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        for number, part in enumerate(self._parts, 1):
            await send({"type": "http.response.body", "body": part, "more_body": number < len(self._parts)})


async def test_a_request_is_what_was_sent():
    app = App()

    await answering(app)(event("PATCH", headers={"X-One": "1", "If-Match": '"3.9"'}, body='{"name":"Säge"}'))

    assert app.scope["type"] == "http"
    assert app.scope["method"] == "PATCH"
    assert app.scope["path"] == "/products/p1"
    assert app.scope["headers"] == [(b"x-one", b"1"), (b"if-match", b'"3.9"')]
    assert app.scope["client"] == ("192.0.2.7", 0)
    assert app.scope["server"] == ("abc.execute-api.eu-central-1.amazonaws.com", 443)
    assert app.body == '{"name":"Säge"}'.encode()


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("", "/"),
        ("/", "/"),
        ("/orders/", "/orders/"),
        ("/products/a@b~c", "/products/a@b~c"),  # %40 and %7E, which API Gateway has decoded
        ("/products/a%2541", "/products/a%41"),  # the one escape that it leaves
        ("/products/Säge 1", "/products/Säge 1"),
        ("/products/a%20b", "/products/a b"),  # of who does not decode
        ("//products//p1", "//products//p1"),
        ("/rewards/50%", "/rewards/50%"),
    ],
)
async def test_a_path_is_decoded_once(sent, path):
    app = App()

    await answering(app)(event(path=sent))

    assert app.scope["path"] == path


async def test_a_query_comes_as_it_was_written():
    app = App()

    await answering(app)(event(rawQueryString="ids=a,b&ids=c%2Cd&q=a+b%20%26&empty=&bare"))

    assert app.scope["query_string"] == b"ids=a,b&ids=c%2Cd&q=a+b%20%26&empty=&bare"


async def test_an_event_without_a_query_has_none():
    app = App()
    asked = event()
    del asked["rawQueryString"]

    await answering(app)(asked)

    assert app.scope["query_string"] == b""


async def test_headers_of_one_name_come_joined_and_cookies_as_one_header():
    app = App()

    await answering(app)(event(headers={"Accept-Language": "de,en"}, cookies=["a=1", "b=2; c"]))

    assert app.scope["headers"] == [(b"accept-language", b"de,en"), (b"cookie", b"a=1; b=2; c")]


@pytest.mark.parametrize(("value", "sent"), [("Säge", b"S\xe4ge"), ("鋸", "鋸".encode())])
async def test_a_header_may_have_any_letters(value, sent):
    app = App()

    await answering(app)(event(headers={"x-name": value}))

    assert app.scope["headers"] == [(b"x-name", sent)]


@pytest.mark.parametrize(
    ("told", "body"),
    [
        ({"body": base64.b64encode(bytes(range(256))).decode(), "isBase64Encoded": True}, bytes(range(256))),
        ({"body": "", "isBase64Encoded": True}, b""),
        ({"body": None}, b""),
        ({"body": ""}, b""),
        ({}, b""),
    ],
)
async def test_a_body_is_the_bytes_that_were_sent(told, body):
    app = App()

    await answering(app)(event("POST", **told))

    assert app.body == body


async def test_after_its_body_nobody_is_there_any_more():
    heard = []

    async def app(scope, receive, send):  # noqa: ARG001
        heard.extend([await receive(), await receive(), await receive()])
        await send({"type": "http.response.start", "status": 204, "headers": []})

    answer = await answering(app)(event("POST", body="a"))

    assert [message["type"] for message in heard] == ["http.request", "http.disconnect", "http.disconnect"]
    assert (answer["statusCode"], answer["body"]) == (204, "")


async def test_an_answer_is_as_api_gateway_wants_it():
    app = App(
        b'{"name":"S\xc3', b'\xa4ge"}', status=201, headers=[(b"Content-Type", b"application/json"), (b"ETag", b'"1"')]
    )

    answer = await answering(app)(event())

    assert answer == {
        "statusCode": 201,
        "headers": {"content-type": "application/json", "etag": '"1"'},
        "body": '{"name":"Säge"}',
        "isBase64Encoded": False,
    }


async def test_bytes_that_are_no_text_are_coded():
    answer = await answering(App(b"\xff\x00", b"\xfe"))(event())

    assert answer["isBase64Encoded"] is True
    assert base64.b64decode(answer["body"]) == b"\xff\x00\xfe"


async def test_headers_of_one_name_are_answered_as_one():
    answer = await answering(App(headers=[(b"Vary", b"Accept"), (b"vary", b"Origin"), (b"X", b"1")]))(event())

    assert answer["headers"] == {"vary": "Accept,Origin", "x": "1"}


async def test_head_is_answered_without_a_body():
    answer = await answering(App(b"all of it", headers=[(b"content-length", b"9")]))(event("HEAD"))

    assert answer["body"] == ""
    assert answer["headers"] == {"content-length": "9"}


async def test_an_app_that_does_not_answer_is_an_error():
    async def app(scope, receive, send): ...

    with pytest.raises(NoAnswer):
        await answering(app)(event())


async def test_what_an_app_raises_is_an_error_also_after_half_an_answer():
    async def app(scope, receive, send):  # noqa: ARG001
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await answering(app)(event())


# One loop


@pytest.fixture
def environment():
    """An environment of its own, in a test that has no loop; what it was opened with, and its events."""
    loops = []
    made = []

    def of(act):
        async def opened():
            loops.append(asyncio.get_running_loop())

            async def noted(one):
                loops.append(asyncio.get_running_loop())
                return await act(one)

            return noted

        made.append(Environment(opened))
        return made[-1], loops

    yield of
    for one in made:
        one._loop.close()
    asyncio.set_event_loop(None)


def test_it_is_opened_once_and_all_events_run_on_one_loop(environment):
    async def act(one):
        await asyncio.sleep(0)
        return one["n"] * 2

    handler, loops = environment(act)

    answers = [handler({"n": n}, object()) for n in range(50)]

    assert answers == [n * 2 for n in range(50)]
    assert len(loops) == 51
    assert len(set(loops)) == 1


def test_what_an_event_raises_lambda_is_told_and_the_next_event_is_taken(environment):
    async def act(one):
        if one["n"] == 1:
            raise ValueError("poison")
        return one["n"]

    handler, _ = environment(act)

    assert handler({"n": 0}, None) == 0
    with pytest.raises(ValueError, match="poison"):
        handler({"n": 1}, None)
    assert handler({"n": 2}, None) == 2


def test_what_is_begun_in_one_event_goes_on_in_the_next(environment):
    done = []

    async def later():
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        done.append(1)

    async def act(one):
        if one == "begin":
            done.append(asyncio.create_task(later()))
        else:
            await done[0]

    handler, _ = environment(act)
    handler("begin", None)
    handler("end", None)

    assert done[1:] == [1]


def test_it_does_not_begin_with_what_cannot_be_opened():
    async def opened():
        raise ValueError("no settings")

    with pytest.raises(ValueError, match="no settings"):
        Environment(opened)
    asyncio.get_event_loop_policy().get_event_loop().close()
    asyncio.set_event_loop(None)


# After a sleep


class Sleeper:
    """Notes in which order it was woken and acted."""

    def __init__(self):
        self.story = []

    async def wake(self):
        self.story.append("wake")

    async def act(self, one):
        self.story.append(one)
        return one


async def test_after_an_idle_gap_it_wakes_before_it_acts(clock):
    sleeper = Sleeper()
    awake = Awake(sleeper.act, wake=sleeper.wake, wall=clock)

    await awake("first")
    clock.forward(timedelta(seconds=0.2))
    answer = await awake("second")

    assert answer == "second"
    assert sleeper.story == ["first", "wake", "second"]


async def test_without_a_gap_it_acts_at_once(clock):
    sleeper = Sleeper()
    awake = Awake(sleeper.act, wake=sleeper.wake, wall=clock)

    for n in range(20):
        await awake(n)
        clock.forward(timedelta(milliseconds=90))

    assert sleeper.story == list(range(20))


async def test_a_gap_that_only_the_monotonic_clock_tells_is_one_too(clock, monkeypatch):
    sleeper, seconds = Sleeper(), [5.0]
    monkeypatch.setattr("shop.platform.lambda_adapter.time.monotonic", lambda: seconds[0])  # of this process alone
    awake = Awake(sleeper.act, wake=sleeper.wake, wall=clock)

    seconds[0] += 0.2
    await awake("first")
    await awake("second")
    clock.forward(-timedelta(hours=1))  # set back, which is no gap
    await awake("third")

    assert sleeper.story == ["wake", "first", "second", "third"]


async def test_how_long_an_event_takes_is_no_gap_and_one_that_fails_is_no_beginning(clock):
    sleeper = Sleeper()

    async def act(one):
        clock.forward(timedelta(seconds=5))
        if one == "poison":
            raise ValueError("poison")
        return await sleeper.act(one)

    awake = Awake(act, wake=sleeper.wake, wall=clock)
    await awake("first")
    with pytest.raises(ValueError, match="poison"):
        await awake("poison")
    await awake("third")

    assert sleeper.story == ["first", "third"]


def test_what_has_come_in_meanwhile_is_heeded_before_the_act(environment, clock):
    here, there = socket.socketpair()
    heard = []

    async def listen(reader):
        while line := await reader.readline():
            heard.append(line)

    async def act(one):
        if one == "begin":
            reader, writer = await asyncio.open_connection(sock=here)
            heard.append((asyncio.create_task(listen(reader)), writer))
            await asyncio.sleep(0)
        elif one == "end":
            task, writer = heard[0]
            writer.close()
            await asyncio.gather(task, writer.wait_closed(), return_exceptions=True)
        return list(heard[1:])

    async def nobody():
        return None

    handler, _ = environment(Awake(act, wake=nobody, wall=clock))
    handler("begin", None)
    there.sendall(b"price changed\n")  # while no loop runs

    assert handler("order", None) == [b"price changed\n"]
    there.close()
    handler("end", None)
