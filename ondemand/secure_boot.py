# SPDX-License-Identifier: MIT
"""What decides whether an image starts where Secure Boot is on: shim, GRUB and kernel. Pure, asks nobody.

Keys that firmware trusts sign only what a distribution built itself: a scratch build, an upload or a package of
somebody's own repository carries none of them, or a test key.
"""

from __future__ import annotations

from collections.abc import Iterable

from ondemand import locks

_LINKS = {
    "shim": ("shim-x64", "shim-aa64"),
    "GRUB for UEFI": ("grub2-efi-x64", "grub2-efi-x64-cdboot", "grub2-efi-aa64", "grub2-efi-aa64-cdboot"),
    "kernel": ("kernel-core", "kernel-uki-virt"),
}
"""What the firmware starts, and what is started from there, with the packages that hold it in Fedora."""
_OWN = ("task:", "upload:")


def links(packages: Iterable[locks.LockedPackage]) -> tuple[locks.LockedPackage, ...]:
    """Those of the packages that hold a link of the chain from the firmware to the kernel."""
    names = {name for names in _LINKS.values() for name in names}
    return tuple(package for package in packages if package.name in names)


def strangers(packages: Iterable[locks.LockedPackage]) -> tuple[locks.LockedPackage, ...]:
    """Those of the links that no key signs which firmware trusts."""
    return tuple(package for package in links(packages) if _is_own(package))


def hindrance(lock: locks.Lock) -> str:
    """Why the image will not boot with Secure Boot, one sentence; empty when nothing is known against it.

    An image of a published boot.iso starts by that one's own shim, GRUB and kernel, whatever the lock holds.
    """
    return "" if lock.boot_iso else _sentence("The image", strangers(lock.packages))


def warnings(lock: locks.Lock) -> tuple[str, ...]:
    """What is to be told of Secure Boot at the check: of the image, and of the system that it installs."""
    installed = lock.everything if lock.boot_iso else lock.tree
    return tuple(filter(None, (hindrance(lock), _sentence("What the image installs", strangers(installed)))))


def lacks(lock: locks.Lock) -> str:
    """Why Secure Boot has nothing to begin with, a phrase; empty when shim, GRUB and kernel are all there.

    What a published boot.iso holds the lock does not tell, so nothing is said of one.
    """
    if lock.boot_iso:
        return ""
    there = {package.name for package in links(lock.packages)}
    missing = [what for what, names in _LINKS.items() if not there.intersection(names)]
    return f"the image holds no {' and no '.join(missing)}" if missing else ""


def _sentence(what: str, found: tuple[locks.LockedPackage, ...]) -> str:
    if not found:
        return ""
    names = ", ".join(package.nevra for package in found)
    return (
        f"{what} will not boot with Secure Boot: {names} {'is' if len(found) == 1 else 'are'} no build of the release,"
        " so that no key signs it which firmware trusts."
    )


def _is_own(package: locks.LockedPackage) -> bool:
    return package.foreign or (package.reference or "").startswith(_OWN)
