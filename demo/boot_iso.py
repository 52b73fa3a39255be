# SPDX-License-Identifier: MIT
"""Makes the demo's published boot.iso: a runtime with the small installer, laid out as lorax does, and its tree's records.

Called only where it is wanted, since it takes some 40 s: `python -m demo.boot_iso FOLDER`.
"""

from __future__ import annotations

import argparse
import collections.abc
import configparser
import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import stat
import sys
import tempfile
import time

from demo import processes

VOLUME = "Demo-1-x86_64"
_PRODUCT, _VERSION, _VARIANT = "Demo", "1", "Everything"
_PACKAGES = (
    *("demo-release", "basesystem", "kernel", "demo-installer", "ondemand-boot-proof"),
    *("zstd", "grub2-tools", "grub2-common", "grub2-pc-modules"),
)
_DEVICES = {"null": 3, "zero": 5, "random": 8, "urandom": 9}
_BIOS_MODULES = ("biosdisk", "iso9660")
_EFI_MODULES = (
    *("part_gpt", "part_msdos", "iso9660", "fat", "normal", "configfile", "search", "search_label"),
    *("linux", "serial", "terminal", "all_video", "echo", "test", "chain"),
)
_HOST_GRUB = pathlib.Path("/usr/lib/grub/x86_64-efi")
_MENU = """set default="0"
set timeout=2
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console

search --no-floppy --set=root -l '{volume}'

menuentry 'Install {product} {version}' --class gnu-linux --class os {{
\tlinux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL={volume} console=tty0 console=ttyS0,115200
\tinitrd /images/pxeboot/initrd.img
}}
menuentry 'Rescue a {product} system' --class gnu-linux --class os {{
\tlinux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL={volume} inst.rescue console=tty0 console=ttyS0,115200
\tinitrd /images/pxeboot/initrd.img
}}
"""

Log = collections.abc.Callable[[str], None]


def make(tree: pathlib.Path, log: Log = print) -> pathlib.Path:
    """Return boot.iso in the repository folder `tree`, made with the tree's other records where it isn't there yet.

    .treeinfo comes last and names these sources' hash, so a tree that has it is complete. Raises DemoError.
    """
    tree = tree.absolute()
    with _alone(tree), tempfile.TemporaryDirectory(prefix="making-tree-", dir=tree.parent) as folder:
        if not _is_complete(tree):
            work, made = pathlib.Path(folder), pathlib.Path(folder, "tree")
            _make(tree, made, work, log)
            for path in sorted(made.iterdir(), key=lambda path: path.name == ".treeinfo"):
                if (tree / path.name).is_dir():
                    shutil.rmtree(tree / path.name)
                path.rename(tree / path.name)
    return tree / "images" / "boot.iso"


@contextlib.contextmanager
def _alone(tree: pathlib.Path) -> collections.abc.Iterator[None]:
    """Wait until no other process makes this tree's records."""
    held = os.open(tree, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _is_complete(tree: pathlib.Path) -> bool:
    found = configparser.ConfigParser()
    found.read(tree / ".treeinfo", encoding="utf-8")
    return found.get("ondemand-demo", "inputs", fallback="") == _inputs()


def _inputs() -> str:
    return _sha256(pathlib.Path(__file__))


def _make(repository: pathlib.Path, made: pathlib.Path, work: pathlib.Path, log: Log) -> None:
    started = time.monotonic()

    def said(text: str) -> None:
        log(f"{time.monotonic() - started:6.1f} s  {text}")

    root = work / "root"
    version = _install(repository, root, work)
    said("the runtime's packages are installed")
    pxeboot = made / "images" / "pxeboot"
    pxeboot.mkdir(parents=True)
    _make_initrd(root, version)
    shutil.move(root / "boot" / "initrd.img", pxeboot / "initrd.img")
    shutil.copy(root / "boot" / f"vmlinuz-{version}", pxeboot / "vmlinuz")
    said("initrd.img is made")
    _squash(root, made / "images" / "install.img")
    said("install.img is made")
    _place_boot_loaders(root, made, work)
    (made / ".discinfo").write_text(f"{time.time():f}\n{_PRODUCT} {_VERSION}\nx86_64\n")
    _write_iso(root, made)
    _write_treeinfo(made)
    said("boot.iso is made")


def _install(repository: pathlib.Path, root: pathlib.Path, work: pathlib.Path) -> str:
    """Install the runtime into `root`, write lorax's list of its packages and return the kernel's version."""
    root.mkdir()
    # Debian's rpm keeps its database below the home folder unless told.
    (work / ".rpmmacros").write_text("%_dbpath /usr/lib/sysimage/rpm\n")
    environment = {**os.environ, "HOME": str(work)}
    words = ["dnf", "--assumeyes", "--quiet", f"--installroot={root}", "--releasever=1", "--nogpgcheck"]
    words += [f"--repofrompath=tree,file://{repository}", "--repo=tree", "--setopt=reposdir=/nonexistent"]
    words += [f"--setopt=cachedir={work / 'cache'}", "--setopt=logdir=/var/log", "--setopt=tsflags=nodocs"]
    processes.run([*words, "install", *_PACKAGES], timeout=600, env=environment)
    query = "%{NAME}-%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}.%{ARCH}\\n"
    listed = processes.run(["rpm", f"--root={root}", "-qa", "--queryformat", query], env=environment)
    (root / "root" / "lorax-packages.log").write_text("".join(sorted(listed.splitlines(keepends=True))))
    for name, minor in _DEVICES.items():
        os.mknod(root / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
    (root / "dev" / "fd").symlink_to("/proc/self/fd")
    return next((root / "usr" / "lib" / "modules").iterdir()).name


def _inside(root: pathlib.Path, *command: str) -> None:
    """Run a program of the runtime in it, with a /proc that is gone afterwards."""
    words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={root / 'proc'}"]
    processes.run([*words, "chroot", str(root), *command], timeout=600, env={"PATH": "/usr/sbin:/usr/bin", "LANG": "C.UTF-8"})


def _make_initrd(root: pathlib.Path, version: str) -> None:
    words = ("--force", "--no-hostonly", "--compress", "zstd -1 -q -T0", "--add", "demo-stage2", "--omit", "network")
    _inside(root, "dracut", *words, "/boot/initrd.img", version)


def _squash(root: pathlib.Path, target: pathlib.Path) -> None:
    # Compiled once here and not at each start of an emulated machine.
    _inside(root, "python3", "-m", "compileall", "-q", "/usr/lib/python3/dist-packages", "/usr/share/demo-installer")
    _inside(root, "python3", "-m", "compileall", "-q", "/usr/lib/python3.11")
    shutil.rmtree(root / "dev")
    (root / "dev").mkdir()
    words = ["-comp", "zstd", "-Xcompression-level", "1", "-noappend", "-no-progress"]
    processes.run(["mksquashfs", root, target, *words], timeout=600)


def _place_boot_loaders(root: pathlib.Path, made: pathlib.Path, work: pathlib.Path) -> None:
    """GRUB for BIOS from the runtime, GRUB for EFI from the host, each with the menu; EFI's also in an image."""
    menu = _MENU.format(volume=VOLUME, product=_PRODUCT, version=_VERSION)
    bios, efi = made / "boot" / "grub2", made / "EFI" / "BOOT"
    modules = root / "usr" / "lib" / "grub" / "i386-pc"
    shutil.copytree(modules, bios / "i386-pc", ignore=shutil.ignore_patterns("*.img", "*.image", "*.exec"))
    efi.mkdir(parents=True)
    for folder in (bios, efi):
        (folder / "grub.cfg").write_text(menu)
    image = made / "images" / "eltorito.img"
    grub = "grub-mkimage"
    processes.run([grub, "-O", "i386-pc-eltorito", "-d", modules, "-p", "/boot/grub2", "-o", image, *_BIOS_MODULES])
    program = efi / "BOOTX64.EFI"
    processes.run([grub, "-O", "x86_64-efi", "-d", _HOST_GRUB, "-p", "/EFI/BOOT", "-o", program, *_EFI_MODULES])
    partition = made / "images" / "efiboot.img"
    with partition.open("wb") as file:
        file.truncate(4 << 20)
    processes.run(["mkfs.fat", "-n", "ANACONDA", partition])
    processes.run(["mcopy", "-s", "-i", partition, made / "EFI", "::/"])


def _write_iso(root: pathlib.Path, made: pathlib.Path) -> None:
    """Write boot.iso with the words that lorax gives xorriso."""
    hybrid = root / "usr" / "lib" / "grub" / "i386-pc" / "boot_hybrid.img"
    words: list[str | pathlib.Path] = ["xorriso", "-no_rc", "-as", "mkisofs", "-quiet", "-R", "-J", "-V", VOLUME]
    words += ["--grub2-mbr", hybrid, "-partition_offset", "16", "-appended_part_as_gpt", "-append_partition", "2"]
    words += ["C12A7328-F81F-11D2-BA4B-00A0C93EC93B", made / "images" / "efiboot.img"]
    words += ["-iso_mbr_part_type", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "-c", "boot.cat", "--boot-catalog-hide"]
    words += ["-b", "images/eltorito.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"]
    words += ["--grub2-boot-info", "-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::"]
    words += ["-no-emul-boot", "-o", made / "images" / "boot.iso", "-graft-points"]
    held = (".discinfo", "images/install.img", "images/pxeboot", "images/eltorito.img", "boot/grub2", "EFI/BOOT")
    words += [f"{name}={made / name}" for name in held]
    processes.run(words, timeout=300)


def _write_treeinfo(made: pathlib.Path) -> None:
    """Write .treeinfo with the sections of lorax's and the checksums that a compose adds."""
    found = configparser.ConfigParser()
    found.optionxform = str  # type: ignore[assignment,method-assign]
    named = {"name": f"{_PRODUCT} {_VERSION}", "family": _PRODUCT, "version": _VERSION, "variant": _VARIANT}
    variant = {"id": _VARIANT, "uid": _VARIANT, "name": _VARIANT, "type": "variant"}
    now = str(int(time.time()))
    images = [path.relative_to(made) for path in sorted((made / "images").rglob("*")) if path.is_file()]
    found["header"] = {"type": "productmd.treeinfo", "version": "1.2"}
    found["release"] = {"name": _PRODUCT, "short": _PRODUCT, "version": _VERSION}
    found["tree"] = {"arch": "x86_64", "build_timestamp": now, "platforms": "x86_64", "variants": _VARIANT}
    found[f"variant-{_VARIANT}"] = {**variant, "packages": "Packages", "repository": "."}
    found["general"] = {**named, "arch": "x86_64", "timestamp": now, "packagedir": "Packages", "platforms": "x86_64"}
    found["stage2"] = {"mainimage": "images/install.img"}
    pxeboot = {"kernel": "images/pxeboot/vmlinuz", "initrd": "images/pxeboot/initrd.img"}
    others = {"boot.iso": "images/boot.iso", "eltorito.img": "images/eltorito.img", "efiboot.img": "images/efiboot.img"}
    found["images-x86_64"] = pxeboot | others
    found["checksums"] = {str(path): f"sha256:{_sha256(made / path)}" for path in images}
    found["ondemand-demo"] = {"inputs": _inputs()}
    with (made / ".treeinfo").open("w", encoding="utf-8") as file:
        found.write(file)


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: collections.abc.Sequence[str] | None = None) -> int:
    """Command line: make the tree's boot.iso and print its path as the last line."""
    parser = argparse.ArgumentParser(description="Make boot.iso of a repository that holds the demo distribution.")
    parser.add_argument("folder", type=pathlib.Path, metavar="FOLDER", help="repository, repositories/main for instance")
    options = parser.parse_args(arguments)
    try:
        print(make(options.folder, log=lambda text: print(text, file=sys.stderr, flush=True)))
    except processes.DemoError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
