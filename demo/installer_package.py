# SPDX-License-Identifier: MIT
"""The package demo-installer: the programs of `installer`, their unit, and the dracut module that finds the runtime.

Made of files only; boot_iso puts it into a runtime.
"""

from __future__ import annotations

import pathlib

from demo import originals

_HERE = pathlib.Path(__file__).parent
_PLACE = "/usr/share/demo-installer/demo/"
_MODULE = "/usr/lib/dracut/modules.d/91demo-stage2/"
_UNIT = "/usr/lib/systemd/system/demo-installer.service"
_NEEDS = ("python3", "dnf", "fdisk", "e2fsprogs", "util-linux", "coreutils", "systemd-udev", "dracut", "dracut-live")


def source() -> originals.Source:
    """Return the source package."""
    files = {_PLACE + "__init__.py": (_HERE / "__init__.py").read_text()}
    for path in modules():
        files[f"{_PLACE}installer/{path.name}"] = path.read_text()
    for name in ("setup", "root", "mount"):
        own = "module-setup.sh" if name == "setup" else f"stage2-{name}.sh"
        files[_MODULE + own] = (_HERE / "files" / f"stage2-{name}.sh").read_text()
    files[_UNIT] = (_HERE / "files" / "demo-installer.service").read_text()
    package = originals.Original(
        name="demo-installer",
        summary="Installs the demo distribution from a tree by kickstart",
        files=files,
        modes={path: 0o755 for path in files if path.startswith(_MODULE)},
        links={"/usr/lib/systemd/system/multi-user.target.wants/demo-installer.service": "../demo-installer.service"},
        requires=_NEEDS,
    )
    return originals.Source(version="1.0", packages=(package,))


def modules() -> list[pathlib.Path]:
    """Return the installer's own modules."""
    return sorted((_HERE / "installer").glob("*.py"))
