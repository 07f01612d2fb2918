"""The guard against networks, tested by what it must see and what it must let pass."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable, Iterator

import offline
import pytest

#: an address that is kept for documentation (RFC 5737), and a name that is kept for never being one (RFC 6761)
NOWHERE, NOBODY = "192.0.2.1", "tables.invalid"


@pytest.fixture
def seen() -> Iterator[list[str]]:
    """What the guard remembers during a test, taken out of its memory after it: here it is no failure."""
    before = len(offline.reached)
    found: list[str] = []
    yield found
    found += offline.reached[before:]
    del offline.reached[before:]
    assert found, "the guard saw nothing"


def connected() -> None:
    with socket.socket() as one:
        one.settimeout(1)
        one.connect((NOWHERE, 443))


def sent() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"?", (NOWHERE, 53))


def opened() -> None:
    urllib.request.urlopen(f"https://{NOBODY}/rows.csv", timeout=1)


def looked_up() -> None:
    socket.gethostbyname(NOBODY)


@pytest.mark.parametrize("attempt", [connected, sent, opened, looked_up])
def test_what_goes_beyond_this_machine_is_stopped_and_seen(attempt: Callable[[], None], seen: list[str]) -> None:
    with pytest.raises(OSError, match="beyond this machine"):
        attempt()


def test_this_machine_may_talk_to_itself() -> None:
    for address in ("127.0.0.1", "localhost"):
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection((address, server.getsockname()[1]), timeout=5).close()


def test_a_machine_may_ask_for_its_own_address() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect((NOWHERE, 1))  # sends nothing
        except OSError as error:
            assert "a test reached" not in str(error)
