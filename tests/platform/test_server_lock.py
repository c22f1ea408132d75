"""One server per store, however the one before it ended."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shop.kernel.errors import Clash
from shop.platform.server_lock import AnotherServer, only_server

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
