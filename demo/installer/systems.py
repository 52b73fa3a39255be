# SPDX-License-Identifier: MIT
"""What makes installed packages a system that boots: settings, password, initramfs, boot loader, scripts.

Works on the tree that is mounted at disks.SYSTEM, through the new system's own programs.
"""

from __future__ import annotations

import collections.abc
import pathlib

from demo.installer import disks, kickstarts, programs

_BOUND = ("dev", "proc", "sys")
_GRUB = """set timeout=1
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
search --no-floppy --fs-uuid --set=root {uuid}
menuentry 'Ondemand Demo' {{
    linux /boot/vmlinuz-{kernel} root=UUID={uuid} ro {options}
    initrd /boot/initramfs-{kernel}.img
}}
"""


def in_system(*command: str, text: str = "", timeout: float = 900) -> None:
    """Run a program of the new system in it."""
    programs.run("chroot", disks.SYSTEM, *command, text=text, timeout=timeout)


def bind() -> None:
    """Give the new system the devices and the kernel's file systems."""
    for name in _BOUND:
        (disks.SYSTEM / name).mkdir(exist_ok=True)
        programs.run("mount", "--rbind", f"/{name}", disks.SYSTEM / name)


def release() -> None:
    """Take away what bind() gave and unmount the system."""
    for name in _BOUND:
        programs.run("umount", "--recursive", "--lazy", disks.SYSTEM / name)
    programs.run("umount", disks.SYSTEM)


def settle(kickstart: kickstarts.Kickstart, uuid: str) -> None:
    """Write the settings that the kickstart orders; without a password the root account is locked."""
    etc = disks.SYSTEM / "etc"
    (etc / "fstab").write_text(f"UUID={uuid} / ext4 defaults 0 1\n")
    if kickstart.language:
        (etc / "locale.conf").write_text(f"LANG={kickstart.language}\n")
    if kickstart.keyboard:
        (etc / "vconsole.conf").write_text(f"KEYMAP={kickstart.keyboard}\n")
    if kickstart.timezone:
        (etc / "localtime").unlink(missing_ok=True)
        (etc / "localtime").symlink_to(f"../usr/share/zoneinfo/{kickstart.timezone}")
    if kickstart.password:
        method = ["--encrypted"] if kickstart.encrypted else ["--crypt-method", "SHA512"]
        in_system("chpasswd", *method, text=f"root:{kickstart.password}\n")
    else:
        in_system("passwd", "--lock", "root")


def kernel() -> str:
    """Return the version of the one kernel that is installed. Raises Problem when there is none."""
    found = sorted(path.name.removeprefix("vmlinuz-") for path in (disks.SYSTEM / "boot").glob("vmlinuz-*"))
    if not found:
        raise programs.Problem("The new system has no kernel: list kernel, or a group with it, in %packages.")
    return found[-1]


def make_initramfs(version: str) -> None:
    """Make the initramfs for this machine's hardware and for virtual disks, to which a system is often moved."""
    words = ["--force", "--hostonly", "--no-hostonly-cmdline", "--add-drivers", "virtio_blk virtio_pci"]
    words += ["--compress", "zstd -1 -q -T0"]
    in_system("dracut", *words, f"/boot/initramfs-{version}.img", version)


def install_boot_loader(
    disk: pathlib.Path, uuid: str, version: str, options: collections.abc.Iterable[str]
) -> None:
    """Install GRUB for BIOS in the disk's first sectors, with a menu of one entry."""
    in_system("grub-install", "--target=i386-pc", str(disk))
    menu = _GRUB.format(uuid=uuid, kernel=version, options=" ".join(options))
    (disks.SYSTEM / "boot" / "grub" / "grub.cfg").write_text(menu)


def run_script(script: kickstarts.Script, number: int) -> None:
    """Run one %post; a failure counts only where the kickstart says --erroronfail."""
    name = f"root/kickstart-post-{number}"
    path = disks.SYSTEM / name
    path.write_text(script.text)
    try:
        if script.chroot:
            in_system(script.interpreter, f"/{name}")
        else:
            programs.run(script.interpreter, path)
    except programs.Problem as problem:
        if script.must_succeed:
            raise
        programs.say(f"script {number} failed and the kickstart lets it: {problem}")
    finally:
        path.unlink(missing_ok=True)
