# SPDX-License-Identifier: MIT
"""Who asks for a build, and whether he may; the same for API and form."""

from __future__ import annotations

import contextlib

from ondemand import errors, kickstarts, references
from ondemand.build_requests import BuildRequest
from ondemand.releases import Release
from ondemand_web import service
from ondemand_web.people import services as people


def owner(authorization: str | None, here: service.Service) -> str:
    """The owner who speaks, by his Authorization header; raises errors.NotAuthenticated."""
    return people.owner(here.database, authorization, here.settings.master)


def require(request: BuildRequest, owner: str, here: service.Service) -> None:
    """Refuses code of the owner's own unless he may, and repositories and kickstarts on hosts that are not allowed.

    A release or kickstart that can't be read is the check's to say, and what a kickstart at a URL brings as well.
    """
    found = [f"repository {extra.name}" for extra in request.repositories]
    found += [f"the wanted build {text}" for text in request.builds if references.parse(text).own_code]
    found += ["the kiwi description"] if request.description else []
    if request.kickstart:
        with contextlib.suppress(errors.RequestError):
            found += _own_code(request.kickstart, here.releases.get(request.release), request.arch)
    _permit(found, owner, here)
    for extra in request.repositories:
        here.guard.admit(extra.address(request.arch))
    if request.kickstart_url:
        here.kickstart_guard.admit(request.kickstart_url)


def require_kickstart(text: str, release: Release, arch: str, owner: str, here: service.Service) -> None:
    """Refuses what a kickstart brings of the owner's own unless he may; raises errors.KickstartInvalid, too."""
    _permit(_own_code(text, release, arch), owner, here)


def _permit(own: list[str], owner: str, here: service.Service) -> None:
    if own and not people.may_bring_own_code(owner, here.settings.master):
        raise errors.NotPermitted(
            f"{owner} may not bring code of his own: {'; '.join(own)[:600]}",
            cause="scripts in a kickstart, kiwi descriptions, scratch builds and content of one's own run as root on a builder",
            remedy="leave them out, or ask the operator for the permission `own_code`",
            details=tuple(own),
        )


def _own_code(text: str, release: Release, arch: str) -> list[str]:
    """What of a kickstart would bring code of the owner's own, a phrase each."""
    kickstart = kickstarts.parse(text, release.kickstart_syntax)
    found = [f"the script in line {script.line} of the kickstart" for script in kickstart.scripts]
    foreign = kickstart.foreign(release.addresses(arch))
    return found + [f"`{place.command}` in line {place.line} of the kickstart" for place in foreign]
