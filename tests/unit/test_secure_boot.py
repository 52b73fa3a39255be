# SPDX-License-Identifier: MIT
"""Whether an image can start with Secure Boot is told from its lock."""

import pytest

from ondemand import locks, secure_boot

CHAIN = ("shim-x64", "grub2-efi-x64-cdboot", "kernel-core")


def lock(*names: str, **own: str) -> locks.Lock:
    """A lock of packages with these names; `own` maps a name (with _ for -) to the reference that brought it."""
    packages = tuple(
        locks.LockedPackage(
            name=name, version="1", release="1", arch="x86_64", origin="main", urls=(), checksums={}, trust="signed:ab",
            reference=own.get(name.replace("-", "_")),
        )
        for name in names
    )  # fmt: skip
    return locks.Lock(release="demo", arch="x86_64", image_type="live", snapshot={}, requested=(), packages=packages)


def test_nothing_is_said_against_builds_of_the_release() -> None:
    made = lock(*CHAIN, kernel_core="koji:kernel-1-1")
    assert (secure_boot.hindrance(made), secure_boot.lacks(made)) == ("", "")


@pytest.mark.parametrize("reference", ["task:12", "upload:ab"])
def test_a_scratch_kernel_will_not_boot_with_secure_boot(reference: str) -> None:
    said = secure_boot.hindrance(lock(*CHAIN, kernel_core=reference))
    assert said.startswith("The image will not boot with Secure Boot: kernel-core-1-1.x86_64 is no build of the release")


def test_a_shim_of_somebody_s_own_repository_is_a_stranger() -> None:
    made = lock("shim-x64")
    (shim,) = made.packages
    made = made.model_copy(update={"packages": (shim.model_copy(update={"origin": "extra-mine"}),)})
    assert [package.name for package in secure_boot.strangers(made.packages)] == ["shim-x64"]


def test_a_scratch_build_of_anything_else_hinders_nothing() -> None:
    assert not secure_boot.hindrance(lock(*CHAIN, "bash", bash="task:12"))


def test_what_the_chain_lacks_is_named() -> None:
    assert secure_boot.lacks(lock("kernel-core", "grub2-efi-x64-modules")) == "the image holds no shim and no GRUB for UEFI"


def medium(image_type: str, part: str, kernel: str | None) -> locks.Lock:
    """The lock of a medium made out of a published boot.iso, with the chain in that part of it."""
    made = lock(*CHAIN, **({"kernel_core": kernel} if kernel else {}))
    published = locks.BootIso(urls=(), sha256="ab" * 32)
    return made.model_copy(update={"image_type": image_type, "boot_iso": published, "packages": (), part: made.packages})


@pytest.mark.parametrize(("image_type", "part"), [("dvd", "tree"), ("boot", "packages"), ("boot", "side")])
def test_of_a_published_boot_iso_a_scratch_kernel_hinders_only_what_is_installed(image_type: str, part: str) -> None:
    made = medium(image_type, part, "task:12")
    (said,) = secure_boot.warnings(made)
    assert said.startswith("What the image installs will not boot with Secure Boot: kernel-core-1-1.x86_64 is no build of the release")
    assert (secure_boot.hindrance(made), secure_boot.lacks(made)) == ("", "")
    assert secure_boot.warnings(medium(image_type, part, None)) == ()


def test_a_dvd_of_an_installer_made_anew_is_told_of_both() -> None:
    made = lock(*CHAIN, kernel_core="task:12")
    made = made.model_copy(update={"image_type": "dvd", "tree": made.packages})
    assert [said.split(" will not")[0] for said in secure_boot.warnings(made)] == ["The image", "What the image installs"]
