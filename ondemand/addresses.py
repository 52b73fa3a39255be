# SPDX-License-Identifier: MIT
"""The guard for URLs that a user wrote: allowed hosts only, and no private address on the connection itself.

What the operator configured (a release's repositories, Koji, Bodhi) never passes here.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import socket
from typing import Any

import requests
import urllib3
import urllib3.connection
import urllib3.exceptions

from ondemand import deadlines, errors

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Guard:
    """What may be reached: `hosts` are names or `*.example.org`, `networks` the private ones allowed on purpose.

    `thing` is what is asked for there, and `setting` where the operator allows its hosts: for the sentences.
    """

    hosts: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    thing: str = "repository"
    setting: str = "repository_hosts"

    def admit(self, url: str) -> None:
        """Asks no server and no DNS; raises errors.NotPermitted for a URL that may not be fetched."""
        try:
            parts = urllib3.util.parse_url(url)
        except urllib3.exceptions.LocationParseError:
            raise _refusal(f"A {self.thing} can't be asked for", "its address is no URL", "correct it") from None
        name = bare(parts.host)
        if parts.scheme not in ("http", "https") or parts.auth is not None:
            raise _refusal(
                f"Host «{name}» may not be asked for a {self.thing}",
                "the address is no plain http or https URL, or holds a user or password",
                "write it as `https://host/path`",
            )
        if not any(_matches(name, pattern) for pattern in self.hosts):
            raise _refusal(
                f"Host «{name}» may not be asked for a {self.thing}",
                "the operator does not allow that host",
                f"name a {self.thing} on an allowed host, or ask the operator to add it to `{self.setting}`",
            )

    def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of `host`; raises errors.NotPermitted when one of them is not public, and OSError."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for text in addresses:
            if not self._reachable(ipaddress.ip_address(text)):
                raise _refusal(
                    f"Host «{host}» may not be asked for a {self.thing}",
                    f"its address {text} is not a public one",
                    f"name a {self.thing} on a public address, or ask the operator to add it to `private_networks`",
                )
        return addresses

    def session(self) -> requests.Session:
        """A session that reaches nothing else: each redirect is admitted anew; no proxy, no stored password."""
        session = requests.Session()
        session.trust_env = False
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        session.adapters.clear()
        session.mount("", _Adapter(self))
        return session

    def _reachable(self, address: Address) -> bool:
        meant = _embedded(address)
        if any(meant.version == network.version and meant in network for network in self.networks):
            return True
        return meant.is_global and not meant.is_multicast


def bare(host: str | None) -> str:
    """A URL's host as it is compared: lower case, without brackets and without the dot at its end."""
    return (host or "").strip("[]").rstrip(".").lower()


def host_of(url: str) -> str:
    """The host of a URL, bare; empty where there is none."""
    try:
        return bare(urllib3.util.parse_url(url).host)
    except urllib3.exceptions.LocationParseError:
        return ""


def _matches(name: str, pattern: str) -> bool:
    wanted = pattern.lower()
    return bool(name) and (name.endswith(wanted[1:]) if wanted.startswith("*.") else name == wanted)


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, so that translation is no way around."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _refusal(happened: str, cause: str, remedy: str) -> errors.NotPermitted:
    return errors.NotPermitted(happened, cause=cause, remedy=remedy)


class _Connection(deadlines.Connection):
    """Connects to addresses that the guard saw, never to a name: DNS has no second chance to answer otherwise."""

    guard = Guard()

    def _new_conn(self) -> socket.socket:
        name = self.host
        try:
            addresses = self.guard.resolve(name, self.port)
        except (OSError, UnicodeError) as error:
            raise urllib3.exceptions.NewConnectionError(self, f"{name} has no address: {error}") from error
        failure: Exception = OSError(f"{name} has no address")
        try:
            for address in addresses:
                self.host = address
                try:
                    return super()._new_conn()
                except urllib3.exceptions.ConnectTimeoutError as error:
                    failure = error
            raise failure
        finally:
            self.host = name


class _TlsConnection(_Connection, urllib3.connection.HTTPSConnection):
    """The same; the certificate is still held to the name."""


class _Adapter(deadlines.Adapter):
    """Admits every URL before it is sent, a redirect's too, and connects through the guard."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        super().__init__()

    def pools(self) -> dict[str, Any]:
        """Pools of guarded connections."""
        return {
            "http": deadlines.pool(urllib3.HTTPConnectionPool, _Connection, guard=self._guard),
            "https": deadlines.pool(urllib3.HTTPSConnectionPool, _TlsConnection, guard=self._guard),
        }

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends it if it may be sent; raises errors.NotPermitted."""
        self._guard.admit(request.url or "")
        return super().send(request, *args, **kwargs)
