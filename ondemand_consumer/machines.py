# SPDX-License-Identifier: MIT
"""A virtual machine that boots an image through its own firmware and boot loader, without network."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import pathlib
import platform
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ondemand import errors, proofs

KVM = ("-accel", "kvm", "-cpu", "host")
TCG = ("-accel", "tcg,thread=multi", "-cpu", "max")
# A boot sector that enters protected mode, counts down from 20 million in memory and ends QEMU with status
# 0x10 * 2 + 1 by isa-debug-exit. Some hypervisors offer a KVM that interprets unpaged code instruction by
# instruction, where a boot loader stands for minutes: there the count takes longer than the probe waits.
#   cli; xor ax,ax; mov ds,ax; lgdt [gdtr]; mov eax,cr0; or al,1; mov cr0,eax; jmp 8:pm
#   pm: mov ax,16; mov ds,ax; mov ecx,20000000; 1: xor [0x8000],ecx; dec ecx; jnz 1b
#   mov dx,0xf4; mov al,0x10; out dx,al; hlt; gdt: null, flat code, flat data; gdtr: 23, gdt
_PROBE = bytes.fromhex(
    "fa31c08ed8660f0116507c0f20c00c010f22c066ea1b7c0000080066b810"
    "008ed8b9002d3101310d008000004975f766baf400b010eef49000000000"
    "00000000ffff0000009acf00ffff00000092cf001700387c0000"
).ljust(510, b"\0") + b"\x55\xaa"
_PROBE_STATUS = 33
_TIMEOUT = 60


def program() -> str:
    """The name of QEMU for this machine's architecture."""
    return f"qemu-system-{platform.machine()}"


@functools.cache
def accelerations() -> tuple[tuple[str, ...], ...]:
    """QEMU's words for KVM where a guest truly runs with it, and for emulation; tried once a process.

    Emulation stays the last word: an image that KVM does not boot may still be a good one.
    """
    with tempfile.TemporaryDirectory() as folder:
        disk = pathlib.Path(folder, "probe.img")
        disk.write_bytes(_PROBE)
        argv = [program(), *KVM, "-m", "64", "-display", "none", "-nic", "none", "-no-reboot", "-nodefaults"]
        argv += [
            "-drive",
            f"file={disk},format=raw,if=ide",
            "-device",
            "isa-debug-exit,iobase=0xf4,iosize=0x04",
        ]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(argv, capture_output=True, timeout=4, check=False)
            if done.returncode == _PROBE_STATUS:
                return (KVM, TCG)
    return (TCG,)


def argv(
    image: pathlib.Path,
    *,
    acceleration: tuple[str, ...],
    memory: int,
    console: pathlib.Path,
    firmware: pathlib.Path,
    qmp: pathlib.Path,
    credentials: Mapping[str, str],
    extra: Sequence[str] = (),
    listener: pathlib.Path | None = None,
) -> list[str]:
    """The command line; `memory` in MiB, the image attached as a disk, the way a USB stick goes.

    `acceleration` is one of accelerations(), `console` and `firmware` are files that will hold what each says.
    `qmp` is a socket in the folder where QEMU is started.
    `extra` are words for another firmware than BIOS; `listener` is a second disk, see listening_disk().
    """
    words = [
        program(),
        *extra,
        *acceleration,
        "-m",
        str(memory),
        "-smp",
        str(min(2, os.cpu_count() or 1)),
        "-nodefaults",
        "-no-reboot",
    ]
    words += ["-display", "none", "-vga", "std", "-nic", "none", "-device", "virtio-rng-pci"]
    words += ["-drive", f"file={_escaped(str(image))},if=virtio,format=raw,readonly=on"]
    if listener is not None:
        words += ["-drive", f"file={_escaped(str(listener))},if=virtio,format=raw,readonly=on"]
    words += ["-chardev", f"file,id=console,path={_escaped(str(console))}", "-serial", "chardev:console"]
    words += ["-chardev", f"file,id=firmware,path={_escaped(str(firmware))}"]
    words += ["-device", "isa-debugcon,iobase=0x402,chardev=firmware"]
    # By its name alone, since a socket's address holds 107 bytes.
    words += ["-qmp", f"unix:{_escaped(qmp.name)},server=on,wait=off"]
    for name, value in credentials.items():
        coded = base64.b64encode(value.encode()).decode()
        words += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={coded}"]
    return words


def listening_disk(folder: pathlib.Path) -> pathlib.Path:
    """Writes the disk by which an installer's boot menu knows that a serial line listens; raises errors.BuilderError."""
    content, disk = folder / proofs.LISTENER, folder / "listener.iso"
    content.write_text("A boot menu that finds this has its kernel log to the serial line.\n")
    argv = ("xorriso", "-no_rc", "-as", "mkisofs", "-quiet", "-R", "-V", "ONDEMAND-PROOF", "-o", str(disk), str(content))
    try:
        subprocess.run(argv, capture_output=True, timeout=_TIMEOUT, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        raise errors.BuilderError(
            "The disk for the boot proof can't be written", cause=str(error), remedy="look at the builder's disk"
        ) from error
    return disk


def token() -> str:
    """A fresh secret for one boot."""
    return secrets.token_hex(16)


def screenshot(qmp: pathlib.Path, target: pathlib.Path) -> bool:
    """Writes what the machine's screen shows as PNG; whether that worked."""
    try:
        with contextlib.closing(_Qmp(qmp)) as monitor:
            monitor.command("screendump", filename=str(target), format="png")
    except (OSError, ValueError, errors.BuilderError):
        return False
    return target.is_file() and target.stat().st_size > 0


class _Qmp:
    """QEMU's monitor protocol: one JSON object a line."""

    def __init__(self, path: pathlib.Path) -> None:
        with contextlib.ExitStack() as stack:
            self._socket = stack.enter_context(socket.socket(socket.AF_UNIX))
            self._socket.settimeout(20)
            # A socket's address holds 107 bytes: go through a folder with a short name.
            link = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()), "qmp")
            link.symlink_to(path)
            self._socket.connect(str(link))
            link.unlink()
            self._file = stack.enter_context(self._socket.makefile("rw", encoding="utf-8"))
            self._file.readline()
            self.command("qmp_capabilities")
            self._held = stack.pop_all()

    def command(self, name: str, **arguments: Any) -> Any:
        self._file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self._file.flush()
        until = time.monotonic() + 30
        while time.monotonic() < until:
            answer = json.loads(self._file.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                break
        raise errors.BuilderError(f"QEMU refused «{name}»", remedy="look at the log of step boot")

    def close(self) -> None:
        self._held.close()


def _escaped(text: str) -> str:
    return text.replace(",", ",,")
