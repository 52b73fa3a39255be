# SPDX-License-Identifier: MIT
"""The small files by which an installation medium says what it is: `.treeinfo`, `.discinfo`, `media.repo`. Pure.

Forms as productmd (treeinfo 1.2, with the section `general` of before), lorax and pungi write them.
"""

from __future__ import annotations

import configparser
import dataclasses
import io
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, kw_only=True)
class Medium:
    """What is said of the medium: `time` in seconds since 1970, `stage2` the path of the installer's runtime on it.

    `images` are paths by name; `checksums` SHA-256 by path.
    """

    product: str
    short: str
    version: str
    variant: str
    arch: str
    time: float
    stage2: str
    images: Mapping[str, str]
    checksums: Mapping[str, str]


def treeinfo(medium: Medium) -> str:
    """`.treeinfo`, sections and keys in the order of the alphabet."""
    variant = medium.variant or "".join(filter(str.isalnum, medium.short))
    seconds = str(int(medium.time))
    sections: dict[str, dict[str, str]] = {
        "header": {"type": "productmd.treeinfo", "version": "1.2"},
        "release": {"name": medium.product, "short": medium.short, "version": medium.version},
        "tree": {"arch": medium.arch, "build_timestamp": seconds, "platforms": medium.arch, "variants": variant},
        f"variant-{variant}": {
            "id": variant, "name": variant, "packages": "Packages", "repository": ".", "type": "variant", "uid": variant,
        },
        "general": {
            "arch": medium.arch, "family": medium.product, "name": f"{medium.product} {medium.version}", "packagedir": "Packages",
            "platforms": medium.arch, "repository": ".", "timestamp": seconds, "variant": variant, "variants": variant,
            "version": medium.version,
        },
        f"images-{medium.arch}": dict(medium.images),
        "stage2": {"mainimage": medium.stage2},
        "media": {"discnum": "1", "totaldiscs": "1"},
        "checksums": {path: f"sha256:{digest}" for path, digest in medium.checksums.items()},
    }  # fmt: skip
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    for name in sorted(sections):
        parser[name] = dict(sorted(sections[name].items()))
    out = io.StringIO()
    parser.write(out)
    return out.getvalue()


def discinfo(medium: Medium) -> str:
    """`.discinfo`: time, version, architecture."""
    return f"{medium.time:f}\n{medium.version}\n{medium.arch}\n"


def media_repo(medium: Medium, media_id: str) -> str:
    """`media.repo`, by which an installed system takes packages from the medium; `media_id` is `.discinfo`'s first line."""
    lines = ("[InstallMedia]", f"name={medium.product} {medium.version}", f"mediaid={media_id}")
    return "\n".join([*lines, "metadata_expire=-1", "gpgcheck=0", "cost=500", ""])
