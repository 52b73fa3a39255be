# SPDX-License-Identifier: MIT
"""What livecd-creator takes out of the new root: isolinux where Fedora has it, and an initramfs in /boot.

Only who asks for these packages pays for them: kiwi makes an initramfs of its own.
"""

from __future__ import annotations

import pathlib
import shutil

from demo import lists, originals

REQUIRES = {"syslinux": ["syslinux-nonlinux"]}
LEFT_OUT = {
    "syslinux": lists.words("left-out-syslinux.txt"),
    "syslinux-nonlinux": ["usr/lib/ISOLINUX/extra"],
    "tzdata": ["usr/share/zoneinfo/posix", "usr/share/zoneinfo/right"],
}
_SYSLINUX = "usr/share/syslinux"
_INITRAMFS = """\
for folder in /usr/lib/modules/*/; do
    version=$(basename "$folder")
    image=/boot/initramfs-$version.img
    [ -e "$image" ] || dracut --no-hostonly "$image" "$version" || exit
done
"""


def place_syslinux(tree: pathlib.Path) -> None:
    """Move isolinux and the modules for BIOS to the one folder in which Fedora has them."""
    folder = tree / _SYSLINUX
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("usr/lib/ISOLINUX", "usr/lib/syslinux/modules/bios"):
        for path in list((tree / old).glob("*")):
            path.rename(folder / path.name)
        shutil.rmtree(tree / old, ignore_errors=True)


PLACES = {"syslinux": place_syslinux, "syslinux-nonlinux": place_syslinux}


def source() -> originals.Source:
    """Return the source package of the initramfs."""
    package = originals.Original(
        name="dracut-initramfs",
        summary="Makes the initramfs in /boot when it is installed, as Fedora's kernel does",
        folders={"usr/share/ondemand/dracut-initramfs": 0o755},
        requires=("bash", "coreutils", "dracut", "dracut-live", "dracut-network", "curl", "kernel-core"),
        posttrans=_INITRAMFS,
    )
    return originals.Source(version="1", packages=(package,))
