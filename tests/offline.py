"""No test reaches beyond this machine: whatever asks a network of it is stopped, and remembered.

Code that is offline carries on, as it should; so an attempt is told twice, to the code as an OSError and to the test by
`reached`. This holds for one interpreter. Those that tests start know nothing of it, but for those of `test_built.py`.
"""

from __future__ import annotations

import ipaddress
import socket
import sys

#: what was asked for since the interpreter started, in words
reached: list[str] = []
#: events that name an address, (host, port) for a network and a path for a socket of this machine
SENDING = ("socket.connect", "socket.sendto", "socket.sendmsg")
#: events that name a host
ASKING = ("socket.getaddrinfo", "socket.gethostbyname")


def watch() -> None:
    """Stop and remember everything beyond this machine, from now until the interpreter ends."""
    sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    host: object
    if event in ASKING:
        host = arguments[0]
    elif event in SENDING and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if not (here(host) or event == "socket.connect" and _asks_only_the_kernel(arguments[0])):
        reached.append(f"{event}: {host}")
        raise OSError(f"a test reached beyond this machine: {event} {host}")


def here(host: object) -> bool:
    """Whether a host is this machine. None and "" stand for every address of it; numbers are no host of a network."""
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if not isinstance(host, str) or host in ("", "localhost", "0.0.0.0", "::"):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == socket.gethostname()


def _asks_only_the_kernel(one: object) -> bool:
    """To connect a datagram socket sends nothing: it is how a program asks which address this machine has."""
    return isinstance(one, socket.socket) and one.type == socket.SOCK_DGRAM
