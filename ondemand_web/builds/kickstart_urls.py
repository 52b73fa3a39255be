# SPDX-License-Identifier: MIT
"""A kickstart by URL: fetched within bounds, from hosts that the operator allows; what it may say is judged elsewhere."""

from __future__ import annotations

import requests

from ondemand import addresses, deadlines, errors, kickstarts

SECONDS = 10.0
"""Seconds that the whole of it may take."""
REDIRECTS = 5
_TIMEOUT = (5.0, 10.0)
_BYTES = 4 * kickstarts.LIMIT
_PIECE = 64 * 1024
_LATER = frozenset({408, 425, 429})


def text(guard: addresses.Guard, url: str) -> str:
    """The text at `url`.

    Raises errors.NotPermitted by the guard, errors.KickstartInvalid for what is no such text or not there, and
    errors.SourceUnavailable while the server is away: then try again later.
    """
    try:
        with deadlines.Deadline(SECONDS), guard.session() as session:
            session.max_redirects = REDIRECTS
            with session.get(url, stream=True, timeout=_TIMEOUT, headers={"Accept-Encoding": "identity"}) as answer:
                return _read(answer, url)
    except requests.TooManyRedirects as error:
        raise _refused(url, f"its server leads elsewhere more than {REDIRECTS} times") from error
    except requests.RequestException as error:
        late = isinstance(error, requests.Timeout)
        raise _away(url, "its server does not answer in time" if late else "its server can't be reached") from error


def _read(answer: requests.Response, url: str) -> str:
    status = answer.status_code
    if status >= 500 or status in _LATER:
        raise _away(url, f"its server answered {status}")
    if status != 200:
        raise _refused(url, f"its server answered {status}")
    # What is packed, though nobody asked for it, would be unpacked past every bound.
    answer.raw.decode_content = False
    found = bytearray()
    for piece in answer.iter_content(_PIECE):
        found += piece
        if len(found) > _BYTES:
            raise _refused(url, f"it has over {_BYTES} bytes, and at most {kickstarts.LIMIT} characters are read")
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(url, f"byte {error.start + 1} of it is no UTF-8") from error


def _refused(url: str, cause: str) -> errors.KickstartInvalid:
    return errors.KickstartInvalid(
        f"The kickstart at {url} can't be used", cause=cause, remedy="correct the address, or send its text as `kickstart`"
    )


def _away(url: str, cause: str) -> errors.SourceUnavailable:
    return errors.SourceUnavailable(
        f"The kickstart at {url} can't be fetched", cause=cause, remedy="send its text as `kickstart` if you don't want to wait"
    )
