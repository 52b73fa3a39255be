# SPDX-License-Identifier: MIT
"""Koji's hub as the sources ask it: without logging in, bounded in time, many calls at once. Knows no reference."""

from __future__ import annotations

import contextlib
import xmlrpc.client
from collections.abc import Callable, Iterator
from typing import Any

import koji
import requests

from ondemand import errors, releases

OPTIONS = {"timeout": 30, "anon_retry": True, "max_retries": 2, "retry_interval": 1}
BATCH = 500
"""Calls that one multiCall holds at most."""
_AWAY = (koji.ServerOffline, koji.RetryError, xmlrpc.client.Fault, requests.RequestException)
_LEFT_OUT = ("-debuginfo", "-debugsource")

Row = dict[str, Any]


class _Session(koji.ClientSession):  # type: ignore[misc]
    """Lets go of the connection on which the hub answered with an HTTP error; koji leaves it open."""

    def new_session(self) -> None:
        """Makes the session of requests, which koji does anew for each retry."""
        super().new_session()
        self.rsession.hooks["response"].append(_close_refusal)


def _close_refusal(response: requests.Response, **_: Any) -> None:
    if not response.ok:
        response.close()


@contextlib.contextmanager
def session(release: releases.Release) -> Iterator[Any]:
    """A session with the release's hub.

    Raises errors.UnknownReference for a release without Koji, and errors.SourceUnavailable when the hub is away.
    """
    hub = release.koji_hub
    if not hub or not release.koji_topurl:
        raise errors.UnknownReference(
            f"Release {release.name} knows no Koji",
            cause="its definition has no `koji_hub` and `koji_topurl`",
            remedy="leave the builds out, or ask the operator to add them",
        )
    made = _Session(hub, opts=OPTIONS)
    try:
        yield made
    except _AWAY as error:
        raise errors.SourceUnavailable(
            f"Koji at {hub} does not answer",
            cause=f"{type(error).__name__}: {str(error)[:200]}",
            remedy="nothing to do: the check is tried again by itself",
        ) from error
    finally:
        made.rsession.close()


def answers(calling: Any, ask: Callable[[Any], list[Any]]) -> list[Any]:
    """What one multiCall answered: results, or the koji.GenericError of a call in its place."""
    with calling.multicall(strict=False, batch=BATCH) as calls:
        asked = ask(calls)
    found = []
    for call in asked:
        try:
            found.append(call.result)
        except _AWAY:
            raise
        except koji.GenericError as error:
            found.append(error)
    return found


def listed(answer: Any) -> list[Any]:
    """What is in an answer that must be a list; a fault in its place is the hub's trouble."""
    if isinstance(answer, koji.GenericError):
        raise koji.ServerOffline(str(answer)) from answer
    return list(answer or ())


def paths(release: releases.Release) -> Any:
    """Where the release's Koji keeps its files, as koji.PathInfo over HTTP."""
    return koji.PathInfo(topdir=str(release.koji_topurl).rstrip("/"))


def fits(name: str, arch: str, wanted: str) -> bool:
    """Whether a package of that name and architecture is for systems of the wanted one: no sources, no debug data."""
    return arch in (wanted, "noarch") and not name.endswith(_LEFT_OUT)


def unknown(reasons: list[str], cause: str, remedy: str) -> errors.UnknownReference:
    """The refusal that names what can't be used."""
    return errors.UnknownReference("; ".join(reasons[:5]), cause=cause, remedy=remedy, details=tuple(reasons))
