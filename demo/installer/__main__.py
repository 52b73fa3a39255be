# SPDX-License-Identifier: MIT
"""Runs the installation from beginning to end. It ends in a restart, or by one sentence; then the runtime stays up."""

from __future__ import annotations

import pathlib
import shutil
import sys
import time

from demo.installer import boot_words, disks, kickstarts, media, programs, systems, transactions

_FIRMWARE = pathlib.Path("/sys/firmware/efi")


def main() -> int:
    """Install by the kickstart that the boot line names; without one, say so and leave the system running."""
    words = boot_words.read(pathlib.Path("/proc/cmdline").read_text(encoding="utf-8"))
    if words.rescue:
        programs.say("started; inst.rescue is given, so nothing is installed")
        return 0
    place = words.kickstart
    if not place:
        programs.say("started; no kickstart is named by inst.ks=, so nothing is installed")
        return 0
    programs.say(f"started, by kickstart {place}")
    try:
        end = _install(words, place)
    except (programs.Problem, OSError, ValueError) as problem:
        programs.say(f"error: {problem}")
        return 0
    programs.run("systemctl", "--no-block", end)
    return 0


def _install(words: boot_words.BootWords, place: str) -> str:
    """Carry out the kickstart and return how the machine is to end."""
    began = time.monotonic()
    if _FIRMWARE.exists():
        raise programs.Problem("This machine started by UEFI and the installer knows BIOS only: change its firmware.")
    found = media.Media(words.stage2)
    found.mount_stage2()
    kickstart = kickstarts.read(found.path(place).read_text(encoding="utf-8"))
    for line in kickstart.unknown:
        programs.say(f"not done: {line}")
    source = words.repository or kickstart.source or "file:///run/install/repo"
    additional = [kickstarts.Repository(name, place) for name, place in words.additional]
    named = [kickstarts.Repository("tree", source), *kickstart.repositories, *additional]
    repositories = [(repository, found.path(repository.place)) for repository in named]
    disk = disks.first_empty()
    programs.say(f"disk: {disk} is empty and takes the system")
    uuid = disks.prepare(disk)
    programs.say(f"packages: {' '.join(kickstart.packages)} from {', '.join(each.place for each in named)}")
    transactions.install(repositories, kickstart.packages, kickstart.excluded)
    systems.bind()
    programs.say("settings")
    systems.settle(kickstart, uuid)
    version = systems.kernel()
    programs.say(f"initramfs: for kernel {version}")
    systems.make_initramfs(version)
    programs.say(f"boot loader: GRUB for BIOS on {disk}")
    systems.install_boot_loader(disk, uuid, version, [*words.consoles, kickstart.kernel_options])
    for number, script in enumerate(kickstart.scripts, 1):
        programs.say(f"script: %post {number} of {len(kickstart.scripts)}")
        systems.run_script(script, number)
    end = kickstart.end or "poweroff"
    programs.say(f"finished after {time.monotonic() - began:.0f} s: {end}")
    shutil.copy(programs.LOG, disks.SYSTEM / "var" / "log" / "demo-installer.log")
    systems.release()
    programs.say("the disk is written and released")
    return end


if __name__ == "__main__":
    sys.exit(main())
