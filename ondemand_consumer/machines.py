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
from collections.abc import Mapping
from typing import Any

from ondemand import errors

_KVM = ("-accel", "kvm", "-cpu", "host")
_TCG = ("-accel", "tcg,thread=multi", "-cpu", "max")
# mov dx,0xf4; mov al,0x10; out dx,al; hlt: tells isa-debug-exit to end QEMU with status 0x10 * 2 + 1.
_PROBE = bytes.fromhex("baf400b010eef4ebfd").ljust(510, b"\0") + b"\x55\xaa"
_PROBE_STATUS = 33


def program() -> str:
    """The name of QEMU for this machine's architecture."""
    return f"qemu-system-{platform.machine()}"


@functools.cache
def acceleration() -> tuple[str, ...]:
    """QEMU's words for KVM where a guest truly runs with it, else for emulation; tried once a process."""
    with tempfile.TemporaryDirectory() as folder:
        disk = pathlib.Path(folder, "probe.img")
        disk.write_bytes(_PROBE)
        argv = [program(), *_KVM, "-m", "64", "-display", "none", "-nic", "none", "-no-reboot", "-nodefaults"]
        argv += [
            "-drive",
            f"file={disk},format=raw,if=ide",
            "-device",
            "isa-debug-exit,iobase=0xf4,iosize=0x04",
        ]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(argv, capture_output=True, timeout=4, check=False)
            if done.returncode == _PROBE_STATUS:
                return _KVM
    return _TCG


def argv(
    image: pathlib.Path,
    *,
    memory: int,
    console: pathlib.Path,
    firmware: pathlib.Path,
    qmp: pathlib.Path,
    credentials: Mapping[str, str],
) -> list[str]:
    """The command line; `memory` in MiB, the image attached as a disk, the way a USB stick goes.

    `console` and `firmware` are files that will hold what each says, `qmp` a socket.
    """
    words = [
        program(),
        *acceleration(),
        "-m",
        str(memory),
        "-smp",
        str(min(2, os.cpu_count() or 1)),
        "-nodefaults",
        "-no-reboot",
    ]
    words += ["-display", "none", "-vga", "std", "-nic", "none", "-device", "virtio-rng-pci"]
    words += ["-drive", f"file={_escaped(str(image))},if=virtio,format=raw,readonly=on"]
    words += ["-chardev", f"file,id=console,path={_escaped(str(console))}", "-serial", "chardev:console"]
    words += ["-chardev", f"file,id=firmware,path={_escaped(str(firmware))}"]
    words += ["-device", "isa-debugcon,iobase=0x402,chardev=firmware"]
    words += ["-qmp", f"unix:{_escaped(str(qmp))},server=on,wait=off"]
    for name, value in credentials.items():
        coded = base64.b64encode(value.encode()).decode()
        words += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={coded}"]
    return words


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
        # A socket's address holds 107 bytes: go through a file descriptor of its folder.
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        with contextlib.ExitStack() as stack:
            short = stack.enter_context(tempfile.TemporaryDirectory())
            link = pathlib.Path(short, "qmp")
            link.symlink_to(path)
            self._socket.connect(str(link))
        self._file = self._socket.makefile("rw", encoding="utf-8")
        self._file.readline()
        self.command("qmp_capabilities")

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
        self._file.close()
        self._socket.close()


def _escaped(text: str) -> str:
    return text.replace(",", ",,")
