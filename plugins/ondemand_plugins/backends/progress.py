# SPDX-License-Identifier: MIT
"""By which lines image tools tell how far they are. The parts of a run are those of runs on a plain machine. Pure."""

from __future__ import annotations

import dataclasses

from ondemand.plugins import Progress

_INSTALLING = r"(?:Installing|Upgrading|Running scriptlet) *: (?P<what>\S+) +(?P<done>\d+)/(?P<whole>\d+)"
_VERIFYING = r"Verifying *: (?P<what>\S+) +(?P<done>\d+)/(?P<whole>\d+)"
_PACKAGE = "package {done} of {whole}: {what}"


def _dracut(begin: float, end: float) -> Progress:
    return Progress(pattern=r"dracut\S*: \*\*\* (?P<what>.+?) \*\*\*", text="dracut: {what}", begin=begin, end=end)


def _squashfs(begin: float, end: float) -> Progress:
    pattern = r"[\]|] +\d+/\d+ +(?P<percent>\d+)%"
    return Progress(pattern=pattern, text="mksquashfs packs the root: {percent} %", begin=begin, end=end)


def _xorriso(begin: float, end: float) -> Progress:
    pattern = r"xorriso : UPDATE : +(?P<percent>[\d.]+)% done"
    return Progress(pattern=pattern, text="xorriso writes the image: {percent} %", begin=begin, end=end)


KIWI = (
    Progress(pattern=r"Installing bootstrap packages", text="dnf chooses the packages", begin=0.02, end=0.02),
    Progress(pattern=_INSTALLING, text=_PACKAGE, begin=0.05, end=0.35),
    Progress(pattern=_VERIFYING, text="checking package {done} of {whole}", begin=0.35, end=0.38),
    Progress(pattern=r"EXEC: \[chroot \S+ dracut --verbose", text="dracut makes the initramfs", begin=0.4, end=0.4),
    Progress(pattern=r"EXEC: \[mksquashfs ", text="mksquashfs packs the root", begin=0.6, end=0.6),
    _squashfs(0.6, 0.95),
    Progress(pattern=r"EXEC: \[\S*xorriso .*-outdev ", text="xorriso writes the image", begin=0.95, end=0.95),
    Progress(pattern=r"Export rpm package metadata", text="kiwi lists what is in the image", begin=0.98, end=0.98),
)
"""kiwi shows what dracut and xorriso say only when they have ended, so they are phases; of mksquashfs `squashfs_percent` tells."""

LIVECD = (
    Progress(pattern=_INSTALLING, text=_PACKAGE, begin=0.05, end=0.4),
    Progress(pattern=_VERIFYING, text="checking package {done} of {whole}", begin=0.4, end=0.42),
    _dracut(0.3, 0.5),
    _squashfs(0.5, 0.95),
    _xorriso(0.95, 1.0),
)
"""livecd-creator prints what dnf prints."""

LORAX = (
    Progress(pattern=r"\((?P<done>\d+)/(?P<whole>\d+)\) (?P<what>\S+)$", text=_PACKAGE, begin=0.05, end=0.3),
    Progress(pattern=r"Downloading (?P<done>\d+) ?/ ?(?P<whole>\d+) RPMs", text="package {done} of {whole} is here", begin=0, end=0.05),
    Progress(pattern=r"cleaning unneeded files", text="lorax removes what an installer needs not", begin=0.3, end=0.3),
    Progress(pattern=r"creating the runtime image", text="the runtime's image is packed", begin=0.35, end=0.35),
    _squashfs(0.35, 0.6),
    Progress(pattern=r"rebuilding initramfs images", text="dracut makes the initramfs", begin=0.6, end=0.6),
    _dracut(0.6, 0.85),
    Progress(pattern=r"populating output tree", text="the boot images are made", begin=0.85, end=0.85),
    _xorriso(0.9, 1.0),
)

MEDIA = (_xorriso(0.1, 0.9),)
"""What changes a finished boot.iso spends its time with xorriso."""

_FIRST = 0.8
LORAX_DVD = (
    *(dataclasses.replace(each, begin=each.begin * _FIRST, end=each.end * _FIRST) for each in LORAX[:-1]),
    _xorriso(_FIRST, 1.0),
)
"""lorax's boot.iso is small beside the DVD, and xorriso says the same of both."""
