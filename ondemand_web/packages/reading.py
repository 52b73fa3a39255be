# SPDX-License-Identifier: MIT
"""The duty that reads the releases' repositories from time to time, so that web processes need ask no mirror."""

from __future__ import annotations

import itertools
import logging

from ondemand import deadlines, errors, releases
from ondemand_web.packages import boot_isos, places
from ondemand_web.service import Service

log = logging.getLogger(__name__)


def read_all(here: Service) -> bool:
    """Takes a snapshot of every release's repositories and loads it once, which leaves its `.solv` file.

    One that can't be read now is tried again at the next time. Always False: then the duty pauses.
    """
    for release in here.releases.all():
        read(here, release)
    return False


def read(here: Service, release: releases.Release) -> None:
    """The same for one release."""
    folder = here.settings.master.data / "snapshots"
    for arch, image_type in itertools.product(release.arches, release.image_types):
        try:
            with deadlines.session() as session:
                boot_isos.published(release, image_type, arch, folder, session, age=0)
        except errors.OndemandError as error:
            log.warning("release %s for %s, type %s: %s", release.name, arch, image_type.value, error)
    for arch, role in itertools.product(release.arches, releases.Role):
        try:
            with deadlines.session() as session:
                found = places.role_places(release, arch, folder, session, role, age=0)
                with here.pools.borrow(found, arch, filelists=False):
                    log.debug("release %s for %s is read", release.name, arch)
        except errors.OndemandError as error:
            log.warning("release %s for %s: %s", release.name, arch, error)
