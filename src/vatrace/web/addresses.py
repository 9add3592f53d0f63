"""Under which addresses a server that listens is found."""

from __future__ import annotations

import contextlib
import ipaddress
import socket

EVERY_ADDRESS = ("0.0.0.0", "::")
# Addresses of books (RFC 5737, RFC 3849): nobody is there. To connect a datagram socket sends nothing; it only asks the
# system from which of its own addresses it would.
_SOMEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_ANY_PORT = 9


def shown_hosts(host: str) -> list[str]:
    """What stands in the addresses that are printed: what this machine calls itself, then what others call it.

    Args:
        host: address that is listened on.

    Returns:
        Names or addresses, IPv6 ones in brackets; one alone unless every address is listened on.
    """
    if host not in EVERY_ADDRESS:
        return [_in_brackets(host)]
    families = [socket.AF_INET] if host == "0.0.0.0" else [socket.AF_INET6]
    own = "127.0.0.1" if host == "0.0.0.0" else "::1"
    return [_in_brackets(each) for each in (own, *own_addresses(families))]


def own_addresses(families: list[socket.AddressFamily]) -> list[str]:
    """Addresses at which other machines reach this one, as far as it knows.

    Args:
        families: AF_INET, AF_INET6.
    """
    found = []
    for family in families:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((_SOMEWHERE[family], _ANY_PORT))
            found.append(asking.getsockname()[0])
        with contextlib.suppress(OSError):
            found += [str(each[4][0]) for each in socket.getaddrinfo(socket.gethostname(), None, family)]
    return [each for each in dict.fromkeys(found) if _is_for_others(each)]


def _is_for_others(address: str) -> bool:
    given = ipaddress.ip_address(address.partition("%")[0])
    # A link-local one means something only together with an interface of whoever asks.
    return not (given.is_loopback or given.is_link_local or given.is_unspecified)


def _in_brackets(host: str) -> str:
    return f"[{host}]" if ":" in host else host
