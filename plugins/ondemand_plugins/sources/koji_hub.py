# SPDX-License-Identifier: MIT
"""Koji's hub as the sources ask it: without logging in, bounded in time, many calls at once. Knows no reference."""

from __future__ import annotations

import contextlib
import xml.parsers.expat
import xmlrpc.client
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import koji
import requests

from ondemand import deadlines, errors, releases

OPTIONS = {"timeout": 30, "anon_retry": True, "max_retries": 2, "retry_interval": 1}
TOTAL = 120.0
"""Seconds that a session may take in all, however slowly the hub answers."""
BATCH = 500
"""Calls that one multiCall holds at most."""
LARGEST_ID = 2**31 - 1
_AWAY = (koji.ServerOffline, koji.RetryError, xmlrpc.client.Fault, requests.RequestException)
_NO_SENSE = (xml.parsers.expat.ExpatError, xmlrpc.client.Error, koji.MultiCallNotReady, TypeError, ValueError)
_LEFT_OUT = ("-debuginfo", "-debugsource")

Row = dict[str, Any]
Package = TypeVar("Package", bound=Mapping[str, Any])


class _Session(koji.ClientSession):  # type: ignore[misc]
    """Can be cut by a deadline, and lets go of the connection on which the hub answered with an HTTP error."""

    def new_session(self) -> None:
        """Makes the session of requests, which koji does anew for each retry."""
        super().new_session()
        for scheme in ("http://", "https://"):
            self.rsession.mount(scheme, deadlines.Adapter())
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
        with deadlines.Deadline(TOTAL):
            yield made
    except _AWAY as error:
        raise errors.SourceUnavailable(
            f"Koji at {hub} does not answer",
            cause=_said(error)[:300],
            remedy="nothing to do: the check is tried again by itself",
        ) from error
    finally:
        made.rsession.close()


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, koji.GenericError) else f"{type(error).__name__}: {error}"


def answers(calling: Any, ask: Callable[[Any], list[Any]]) -> list[Any]:
    """What one multiCall answered: results, or the koji.GenericError of a call in its place."""
    try:
        with calling.multicall(strict=False, batch=BATCH) as calls:
            asked = ask(calls)
        return [_result(call) for call in asked]
    except _AWAY:
        raise
    except koji.GenericError as error:
        raise koji.ServerOffline(f"it refused the whole call, {error}") from error
    except _NO_SENSE as error:
        raise koji.ServerOffline(f"its answer is none that a hub gives ({type(error).__name__}: {error})") from error


def _result(call: Any) -> Any:
    try:
        return call.result
    except _AWAY:
        raise
    except koji.GenericError as error:
        return error


def identity(text: str) -> int | str:
    """A name, or an id where the text is a number; no row of the hub's has an id of 0, which stands for those too large."""
    if not text.isdigit():
        return text
    return int(text) if int(text) <= LARGEST_ID else 0


def row(answer: Any) -> Row | None:
    """The row of an answer, None where the hub has none; a fault in its place is the hub's trouble."""
    if answer is None or (isinstance(answer, koji.GenericError) and "invalid format" in str(answer)):
        return None
    if isinstance(answer, dict):
        return answer
    raise koji.ServerOffline(str(answer)[:200] if isinstance(answer, koji.GenericError) else "its answer is none that a hub gives")


def listed(answer: Any) -> list[Any]:
    """What is in an answer that must be a list; a fault in its place is the hub's trouble."""
    if isinstance(answer, koji.GenericError):
        raise koji.ServerOffline(str(answer)) from answer
    if not isinstance(answer, list | None):
        raise koji.ServerOffline("its answer is none that a hub gives")
    return list(answer or ())


def paths(release: releases.Release) -> Any:
    """Where the release's Koji keeps its files, as koji.PathInfo over HTTP."""
    return koji.PathInfo(topdir=str(release.koji_topurl).rstrip("/"))


def fitting(packages: Iterable[Package], release: releases.Release, arch: str) -> list[Package]:
    """Those of a build for systems of that architecture, multilib ones among them; no sources, no debug data.

    None where the build has nothing for the architecture itself.
    """
    arches = release.package_arches(arch)
    found = [item for item in packages if item["arch"] in arches and not str(item["name"]).endswith(_LEFT_OUT)]
    return found if any(item["arch"] in (arch, "noarch") for item in found) else []


def unknown(reasons: list[str], cause: str, remedy: str) -> errors.UnknownReference:
    """The refusal that names what can't be used."""
    return errors.UnknownReference("; ".join(reasons[:5]), cause=cause, remedy=remedy, details=tuple(reasons))
