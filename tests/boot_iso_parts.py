# SPDX-License-Identifier: MIT
"""A small ISO laid out as lorax lays out boot.iso: boot records for BIOS and EFI, boot configurations, a runtime. Tests nothing.

Its kernel is a text, so it gets no further than its boot loader.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil

from tests import builder_parts

LABEL = "Demo-boot-1"
GRUB = """\
set default="1"
set timeout=60
search --no-floppy --set=root -l '{label}'
menuentry 'Install Demo 1' --class fedora {{
	linux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL={label} quiet
	initrd /images/pxeboot/initrd.img
}}
menuentry 'Test this media & install Demo 1' --class fedora {{
	linux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL={label} rd.live.check quiet
	initrd /images/pxeboot/initrd.img
}}
submenu 'Troubleshooting -->' {{
	menuentry 'Rescue a Demo system' --class fedora {{
		linux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL={label} inst.rescue quiet
		initrd /images/pxeboot/initrd.img
	}}
}}
"""
ISOLINUX = """\
default vesamenu.c32
timeout 600
label linux
  menu label ^Install Demo 1
  kernel vmlinuz
  append initrd=initrd.img inst.stage2=hd:LABEL={label} quiet
label rescue
  append initrd=initrd.img inst.stage2=hd:LABEL={label} inst.rescue quiet
"""
RUNTIME = ("bash-5.2-1.x86_64", "python3-simple-1-1.noarch")
"""What the runtime says that it is made of."""
PYTHON_SPEC = """Name: {name}
Version: {version}
Release: 1
Summary: For a test
License: MIT
BuildArch: noarch
AutoReqProv: no
%description
For a test.
%install
mkdir -p %{{buildroot}}/usr/lib/python3.13/site-packages/simple %{{buildroot}}/etc
echo "VERSION = {version}" > %{{buildroot}}/usr/lib/python3.13/site-packages/simple/simple.py
echo > %{{buildroot}}/etc/simple.conf
%files
/usr/lib/python3.13/site-packages/simple
{file}
{script}
"""
MODULES = ("search", "search_label", "linux", "echo")
_MODULES = pathlib.Path("/usr/lib/grub")
_ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
_TOOLS = ("xorriso", "mcopy", "mformat", "mmd", "mksquashfs", "grub-mkimage", "implantisomd5")


def boot_iso(
    folder: pathlib.Path,
    *,
    appended: bool = True,
    filling: int = 0,
    runtime: tuple[str, ...] = RUNTIME,
    menu: str = GRUB,
    modules: tuple[str, ...] = MODULES,
) -> pathlib.Path:
    """`folder`/boot.iso. The EFI image is an appended partition, as lorax does it now, or a file, as it did.

    `filling` is the size in bytes of what makes the ISO larger, `menu` what GRUB reads, `modules` what it can.
    """
    builder_parts.need(*_TOOLS)
    tree = folder / "boot-tree"
    for name in ("images/pxeboot", "boot/grub2", "EFI/BOOT"):
        (tree / name).mkdir(parents=True)
    for name in ("boot/grub2/grub.cfg", "EFI/BOOT/grub.cfg"):
        (tree / name).write_text(menu.format(label=LABEL))
    (tree / ".discinfo").write_text("1700000000.000000\n1\nx86_64\n")
    for name in ("vmlinuz", "initrd.img"):
        (tree / "images" / "pxeboot" / name).write_text(f"no {name}\n")
    _runtime(folder, tree / "images" / "install.img", runtime)
    _grub(tree, modules)
    efi = tree / "images" / "efiboot.img" if not appended else folder / "efiboot.img"
    _efi_image(tree, efi)
    if filling:
        with (tree / "images" / "filling").open("wb") as file:
            while filling > 0:
                filling -= file.write(os.urandom(min(filling, 1 << 20)))
    iso = folder / "boot.iso"
    builder_parts.run(*_xorriso(tree, efi, iso, appended=appended))
    builder_parts.run("implantisomd5", str(iso))
    shutil.rmtree(tree)
    return iso


def _xorriso(tree: pathlib.Path, efi: pathlib.Path, iso: pathlib.Path, *, appended: bool) -> list[str]:
    words = ["xorriso", "-as", "mkisofs", "-quiet", "-o", str(iso), "-R", "-J", "-V", LABEL]
    words += ["--grub2-mbr", str(_MODULES / "i386-pc" / "boot_hybrid.img"), "-partition_offset", "16"]
    if appended:
        words += ["-appended_part_as_gpt", "-append_partition", "2", _ESP, str(efi)]
        words += ["-iso_mbr_part_type", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"]
    words += ["-c", "boot.cat", "--boot-catalog-hide", "-b", "images/eltorito.img", "-no-emul-boot"]
    words += ["-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info", "-eltorito-alt-boot"]
    words += ["-e", "--interval:appended_partition_2:all::" if appended else "images/efiboot.img", "-no-emul-boot"]
    words += [] if appended else ["-efi-boot-part", "--efi-boot-image"]
    return [*words, str(tree)]


def _runtime(folder: pathlib.Path, image: pathlib.Path, packages: tuple[str, ...]) -> None:
    root = folder / "runtime"
    (root / "root").mkdir(parents=True)
    if packages:
        (root / "root" / "lorax-packages.log").write_text("".join(f"{nevra}\n" for nevra in packages))
    builder_parts.run("mksquashfs", str(root), str(image), "-quiet", "-no-progress")
    shutil.rmtree(root)


def _grub(tree: pathlib.Path, modules: tuple[str, ...]) -> None:
    words = ("-O", "i386-pc-eltorito", "-d", str(_MODULES / "i386-pc"), "-o", str(tree / "images" / "eltorito.img"))
    builder_parts.run("grub-mkimage", *words, "-p", "/boot/grub2", "iso9660", "biosdisk", "normal", *modules)
    efi = ("-O", "x86_64-efi", "-d", str(_MODULES / "x86_64-efi"), "-o", str(tree / "EFI" / "BOOT" / "BOOTX64.EFI"))
    builder_parts.run("grub-mkimage", *efi, "-p", "/EFI/BOOT", "iso9660", "fat", "part_gpt", "normal", "configfile", *modules)


def _efi_image(tree: pathlib.Path, image: pathlib.Path) -> None:
    """A FAT image of the whole EFI folder, as mkefiboot makes it."""
    with image.open("wb") as file:
        file.truncate(4 * 1024**2)
    builder_parts.run("mformat", "-i", str(image), "-v", "ANACONDA", "::")
    builder_parts.run("mcopy", "-s", "-i", str(image), str(tree / "EFI"), "::")


def python_rpm(folder: pathlib.Path, name: str, version: str, extra: str = "") -> pathlib.Path:
    """An RPM of Python modules, with one further file or a script as `extra`."""
    builder_parts.need("rpmbuild")
    top = folder / "python-rpm"
    top.mkdir()
    script = f"{extra}\ntrue" if extra.startswith("%") else ""
    spec = PYTHON_SPEC.format(name=name, version=version, file="" if script else extra, script=script)
    (top / "made.spec").write_text(spec)
    unpackaged = "_unpackaged_files_terminate_build 0"
    builder_parts.run("rpmbuild", "-bb", "--define", f"_topdir {top}", "--define", unpackaged, str(top / "made.spec"))
    return next(top.glob("RPMS/noarch/*.rpm"))


def sha256(data: bytes) -> str:
    """The digest in hex."""
    return hashlib.sha256(data).hexdigest()
