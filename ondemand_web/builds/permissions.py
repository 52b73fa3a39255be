# SPDX-License-Identifier: MIT
"""Who asks for a build, and whether he may; the same for API and form."""

from __future__ import annotations

import contextlib

from ondemand import errors, kickstarts
from ondemand.build_requests import BuildRequest
from ondemand_web import service
from ondemand_web.people import services as people


def owner(authorization: str | None, here: service.Service) -> str:
    """The owner who speaks, by his Authorization header; raises errors.NotAuthenticated."""
    return people.owner(here.database, authorization, here.settings.master)


def require(request: BuildRequest, owner: str, here: service.Service) -> None:
    """Refuses code of the owner's own unless he may, and repositories on hosts that are not allowed.

    A release or kickstart that can't be read is the check's to say.
    """
    own = _own_code(request, here)
    if own and not people.may_bring_own_code(owner, here.settings.master):
        raise errors.NotPermitted(
            f"{owner} may not bring code of his own: {'; '.join(own)[:600]}",
            cause="scripts in a kickstart and content of one's own run as root on a builder",
            remedy="leave them out, or ask the operator for the permission `own_code`",
            details=tuple(own),
        )
    for extra in request.repositories:
        here.guard.admit(extra.address(request.arch))


def _own_code(request: BuildRequest, here: service.Service) -> list[str]:
    """What of the request would bring code of the owner's own, a phrase each."""
    found = [f"repository {extra.name}" for extra in request.repositories]
    if request.kickstart:
        with contextlib.suppress(errors.RequestError):
            release = here.releases.get(request.release)
            kickstart = kickstarts.parse(request.kickstart, release.kickstart_syntax)
            found += [f"the script in line {script.line} of the kickstart" for script in kickstart.scripts]
            foreign = kickstart.foreign(release.addresses(request.arch))
            found += [f"`{place.command}` in line {place.line} of the kickstart" for place in foreign]
    return found
