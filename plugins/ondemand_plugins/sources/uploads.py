# SPDX-License-Identifier: MIT
"""Source `upload`: an RPM that somebody uploaded, by its SHA-256. Asks the catalog and no server."""

from __future__ import annotations

from typing import ClassVar

from ondemand import errors, plugins, references, releases


class Uploads:
    """Asks the catalog for the upload."""

    kind: ClassVar[str] = "upload"

    def resolve(
        self, reference: references.Reference, release: releases.Release, arch: str, catalog: plugins.Catalog
    ) -> plugins.Resolution:
        """One build of one package, which the image shall have since it was named by itself.

        Raises errors.UnknownReference for an upload that is not there or is for another architecture.
        """
        rpm = catalog.upload(reference.value)
        if rpm is None:
            raise errors.UnknownReference(
                f"There is no upload {reference.value}",
                cause="it was never uploaded here, or was swept since",
                remedy="upload the file again",
            )
        if rpm.arch not in (arch, "noarch"):
            raise errors.UnknownReference(
                f"Upload {rpm.name}-{rpm.version}-{rpm.release}.{rpm.arch} can't be used",
                cause=f"the image is for {arch}",
                remedy=f"upload the package for {arch}, or ask for an image for {rpm.arch}",
            )
        build = plugins.SourceBuild(nvr=f"{rpm.name}-{rpm.version}-{rpm.release}", rpms=(rpm,), scratch=True)
        return plugins.Resolution(reference=reference, builds=(build,), identity=str(reference), install=(rpm.name,))
