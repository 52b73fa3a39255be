# SPDX-License-Identifier: MIT
"""Bounded HTTP downloads of repository metadata. Follows no address but the one it is given."""

from __future__ import annotations

import hashlib
import pathlib

import requests

from ondemand import deadlines, errors

TIMEOUT = (10.0, 30.0)
"""Seconds to connect, and between two pieces of the answer."""
CHUNK = 256 * 1024
SHORTEST = 30.0
"""Seconds that any download may take in all; a file has more by its size."""
SLOWEST = 500 * 1000
"""Bytes a second that a server must give a large file at; a slower one is as good as none."""


class Missing(Exception):
    """The server answered that there is no such file."""


def text(session: requests.Session, url: str, limit: int, seconds: float = SHORTEST) -> bytes:
    """The bytes at `url`, at most `limit`, in `seconds` at most; raises Missing or errors.SourceUnavailable."""
    found = bytearray()
    try:
        with deadlines.Deadline(seconds), session.get(url, stream=True, timeout=TIMEOUT) as answer:
            _accept(answer, url)
            for chunk in answer.iter_content(CHUNK):
                found += chunk
                if len(found) > limit:
                    raise unavailable(url, f"the file is larger than {limit} bytes")
    except requests.RequestException as error:
        raise unavailable(url, _plain(error)) from error
    return bytes(found)


def file(
    session: requests.Session, url: str, target: pathlib.Path, sha256: str, limit: int, seconds: float | None = None
) -> None:
    """Writes the file at `url` to `target`, held to its digest; raises Missing, errors.SourceUnavailable.

    `limit` is bytes; `seconds` the time for all of it, by default as long as SLOWEST takes for `limit`.
    """
    digest, size = hashlib.sha256(), 0
    whole = deadlines.Deadline(SHORTEST + limit / SLOWEST if seconds is None else seconds)
    try:
        with whole, session.get(url, stream=True, timeout=TIMEOUT) as answer, target.open("wb") as out:
            _accept(answer, url)
            for chunk in answer.iter_content(CHUNK):
                size += len(chunk)
                if size > limit:
                    raise unavailable(url, f"the file is larger than the {limit} bytes that repomd.xml names")
                digest.update(chunk)
                out.write(chunk)
    except requests.RequestException as error:
        raise unavailable(url, _plain(error)) from error
    if digest.hexdigest() != sha256:
        raise unavailable(url, "it is not the file that repomd.xml names: the mirror is being updated")


def unavailable(url: str, cause: str) -> errors.SourceUnavailable:
    """The error for a server that is away or talks nonsense."""
    return errors.SourceUnavailable(
        f"{url} can't be read", cause=cause, remedy="nothing to do: the check is tried again by itself"
    )


def _accept(answer: requests.Response, url: str) -> None:
    if answer.status_code in (404, 410):
        raise Missing(url)
    if answer.status_code != 200:
        raise unavailable(url, f"the server answered {answer.status_code}")
    # A gzip file sent with Content-Encoding would be unpacked behind our back and miss its digest.
    answer.raw.decode_content = False


def _plain(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "the server does not answer in time"
    return f"the connection failed ({type(error).__name__})"
