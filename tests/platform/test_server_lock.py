"""One server per store, or several that share a Redis, however the one before ended."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shop.kernel.errors import Clash
from shop.platform.server_lock import AnotherRedis, AnotherServer, one_of_several, only_server

_HOLDER = """
import sys, time
from pathlib import Path
from shop.platform.server_lock import only_server
with only_server(Path(sys.argv[1])):
    print("holding", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"holding\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_server_is_refused_with_one_line_that_says_what_to_do(tmp_path):
    with only_server(tmp_path), pytest.raises(AnotherServer) as refused, only_server(tmp_path):
        pytest.fail("two servers on one store")

    assert isinstance(refused.value, Clash)
    assert refused.value.code == "another-server"
    assert str(tmp_path) in refused.value.detail
    assert "SHOP_DATA" in refused.value.detail
    assert "\n" not in refused.value.detail


def test_a_refused_server_does_not_take_the_lock_from_the_first(tmp_path):
    with only_server(tmp_path):
        for _ in range(3):
            with pytest.raises(AnotherServer), only_server(tmp_path):
                pass


def test_a_server_that_has_ended_leaves_room_for_the_next(tmp_path):
    for _ in range(3):
        with only_server(tmp_path):
            pass


def test_a_server_that_has_failed_leaves_room_for_the_next(tmp_path):
    with pytest.raises(ValueError, match="broken"), only_server(tmp_path):
        raise ValueError("broken")

    with only_server(tmp_path):
        pass


def test_servers_on_other_stores_do_not_mind_each_other(tmp_path):
    with only_server(tmp_path / "one"), only_server(tmp_path / "other"):
        pass


def test_the_folder_is_made_where_there_is_none(tmp_path):
    with only_server(tmp_path / "not" / "there"):
        assert (tmp_path / "not" / "there").is_dir()


def test_a_server_in_another_process_is_in_the_way_until_it_is_killed(tmp_path, holder):
    with pytest.raises(AnotherServer), only_server(tmp_path):
        pass

    holder.kill()
    holder.wait()

    with only_server(tmp_path):
        pass


REDIS = "redis://127.0.0.1:6379"


def test_the_first_of_several_is_alone_until_it_lets_others_in(tmp_path):
    with one_of_several(tmp_path, redis=REDIS) as first:
        with pytest.raises(AnotherServer), one_of_several(tmp_path, redis=REDIS, patience=0):
            pass
        first.share()
        with one_of_several(tmp_path, redis=REDIS) as second, one_of_several(tmp_path, redis=REDIS) as third:
            assert (first.alone, second.alone, third.alone) == (True, False, False)


def test_when_the_others_have_ended_the_next_one_is_alone(tmp_path):
    with one_of_several(tmp_path, redis=REDIS) as first:
        first.share()
        with one_of_several(tmp_path, redis=REDIS):
            pass

    with one_of_several(tmp_path, redis=REDIS) as next_one:
        assert next_one.alone


def test_whoever_must_be_alone_is_refused_beside_several_even_when_the_first_has_ended(tmp_path):
    first = one_of_several(tmp_path, redis=REDIS)
    first.__enter__().share()
    with one_of_several(tmp_path, redis=REDIS):
        first.__exit__(None, None, None)
        with pytest.raises(AnotherServer), only_server(tmp_path):
            pass


def test_one_that_shares_is_refused_beside_one_that_does_not(tmp_path):
    with (
        only_server(tmp_path),
        pytest.raises(AnotherServer, match="the same SHOP_REDIS_URL"),
        one_of_several(tmp_path, redis=REDIS, patience=0),
    ):
        pass


def test_one_that_shares_nothing_stays_alone_also_where_several_have_shared_before(tmp_path):
    with one_of_several(tmp_path, redis=REDIS) as before:
        before.share()
    with only_server(tmp_path) as alone:
        alone.share()
        with pytest.raises(AnotherServer), one_of_several(tmp_path, redis=REDIS, patience=0):
            pass


def test_servers_that_share_another_redis_are_refused_with_another_password_not(tmp_path):
    with one_of_several(tmp_path, redis=REDIS) as first:
        first.share()
        with pytest.raises(AnotherRedis, match="the same"), one_of_several(tmp_path, redis=f"{REDIS}/1"):
            pass
        with one_of_several(tmp_path, redis=REDIS.replace("//", "//:secret@")) as second:
            assert not second.alone
