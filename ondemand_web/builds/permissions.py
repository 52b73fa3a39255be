# SPDX-License-Identifier: MIT
"""Who asks for a build, and whether he may; the same for API and form."""

from __future__ import annotations

from ondemand import errors, kickstarts, references
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
    own = bool(request.repositories) or any(references.parse(text).own_code for text in request.builds)
    if request.kickstart and not own:
        try:
            syntax = here.releases.get(request.release).kickstart_syntax
            own = kickstarts.parse(request.kickstart, syntax).own_code
        except errors.RequestError:
            own = False
    if own and not people.may_bring_own_code(owner, here.settings.master):
        raise errors.NotPermitted(
            f"{owner} may not bring code of his own",
            cause="scripts in a kickstart, repositories of one's own and scratch builds run as root on a builder",
            remedy="leave them out, or ask the operator for the permission `own_code`",
        )
    for extra in request.repositories:
        here.guard.admit(extra.address(request.arch))
