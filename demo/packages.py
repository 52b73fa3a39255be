# SPDX-License-Identifier: MIT
"""Repackages Debian packages as RPMs: files under /usr, no documentation, Fedora's names.

Must not change what a program does: whole files are kept or left out, none is edited.
"""

from __future__ import annotations

import collections.abc
import concurrent.futures
import os
import pathlib
import shutil
import stat

from demo import debian, lists, live_tools, processes, relations, rpms

_MERGED = ("bin", "sbin", "lib", "lib64")

# Programs whose libraries are left out with Debian's own machinery, and units that need such programs.
_LEFT_OUT_OF = {
    "rpm": lists.words("left-out-rpm.txt"),
    "grub2-tools": ["usr/bin/grub-mount", "usr/bin/grub-mkfont", "usr/bin/grub-mkrescue"],
    "util-linux": ["usr/lib/systemd/system/fstrim.*"],
    "e2fsprogs": ["usr/lib/systemd/system", "usr/lib/x86_64-linux-gnu/e2fsprogs", "etc/cron.d"],
    "kernel-core": lists.words("left-out-kernel.txt"),
    **live_tools.LEFT_OUT,
}

# Links that Debian makes in maintainer scripts.
_LINKS = {
    "bash": {"usr/bin/sh": "bash"},
    "mawk": {"usr/bin/awk": "mawk"},
}

_POSTTRANS = {
    "glibc-common": "%posttrans -p /usr/sbin/ldconfig",
    "kernel-core": "%posttrans -p /usr/bin/bash\n/usr/sbin/depmod -a {kernel}",
}

# The folder's name is built into the signed GRUB: there it looks for its configuration.
_EFI_FOLDER = "boot/efi/EFI/debian"
_EFI = {
    "grub2-efi-x64": ("usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", "grubx64.efi"),
    "shim-x64": ("usr/lib/shim/shimx64.efi.signed", "shimx64.efi"),
}

_EXTRA_PROVIDES = {
    "kernel-core": ["kernel-modules", "kernel-modules-core", "installonlypkg(kernel)", "kernel = %{version}-%{release}"],
    "grub2-tools": ["grub2-tools-minimal", "grub2-tools-extra"],
    "grub2-pc-modules": ["grub2-pc", "grub2"],
    "dracut": ["dracut-config-generic"],
}

_EXTRA_REQUIRES = {
    "dracut": lists.words("dracut-needs.txt"),
    "dracut-live": ["dracut-config-live-overlay"],
    "kernel-core": ["kmod", "bash"],
    **live_tools.REQUIRES,
}


def convert(debs: collections.abc.Sequence[debian.Deb], work: pathlib.Path) -> list[pathlib.Path]:
    """Make one RPM of each Debian package, as many at a time as there are processors; return the files."""
    known = {deb.name for deb in debs}
    known.update(name for deb in debs for name in relations.provided_names(deb.fields))
    largest_first = sorted(debs, key=lambda deb: -deb.path.stat().st_size)
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        made = list(pool.map(lambda deb: _convert(deb, known, work), largest_first))
    return sorted(path for paths in made for path in paths)


def _convert(deb: debian.Deb, known: collections.abc.Collection[str], work: pathlib.Path) -> list[pathlib.Path]:
    name = relations.rpm_name(deb.name)
    tree = work / f"{name}.files"
    debian.unpack(deb, tree)
    merge_usr(tree)
    leave_out(tree, (*lists.words("left-out.txt"), *_LEFT_OUT_OF.get(name, ())))
    if name in _EFI:
        place_efi(tree, *_EFI[name])
    if name in _PLACES:
        _PLACES[name](tree)
    for link, target in _LINKS.get(deb.name, {}).items():
        (tree / link).symlink_to(target)
    made = rpms.build(spec(deb, tree, known), name, work)
    kept = [pathlib.Path(shutil.move(path, work / path.name)) for path in made]
    shutil.rmtree(work / name, ignore_errors=True)
    return kept


def merge_usr(tree: pathlib.Path) -> None:
    """Move /bin, /sbin, /lib and /lib64 under /usr, as every current distribution has them."""
    for folder in _MERGED:
        old = tree / folder
        if old.is_dir() and not old.is_symlink():
            (tree / "usr").mkdir(exist_ok=True)
            processes.run(["cp", "-a", "--link", "--no-target-directory", old, tree / "usr" / folder])
            shutil.rmtree(old)


def leave_out(tree: pathlib.Path, patterns: collections.abc.Iterable[str]) -> None:
    """Remove the files and folders that match `patterns`, and static libraries."""
    for pattern in (*patterns, "usr/lib/**/*.a"):
        for path in list(tree.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def place_kernel(tree: pathlib.Path) -> None:
    """Put a second name of the kernel where Fedora has it: beside its modules."""
    for kernel in tree.glob("boot/vmlinuz-*"):
        version = kernel.name.removeprefix("vmlinuz-")
        os.link(kernel, tree / "usr/lib/modules" / version / "vmlinuz")


def place_efi(tree: pathlib.Path, source: str, target: str) -> None:
    """Put a signed program of the EFI system partition, and it alone, where Fedora's packages have it."""
    (tree / _EFI_FOLDER).mkdir(parents=True)
    (tree / source).rename(tree / _EFI_FOLDER / target)
    shutil.rmtree(tree / "usr/lib")


_PLACES = {"kernel-core": place_kernel, **live_tools.PLACES}


def spec(deb: debian.Deb, tree: pathlib.Path, known: collections.abc.Collection[str]) -> str:
    """Return the spec of the RPM that holds the files of `tree`."""
    name = relations.rpm_name(deb.name)
    epoch, version, release = relations.version_parts(deb.fields["Version"])
    kernel = next((path.name for path in tree.glob("usr/lib/modules/*")), "")
    summary, _, description = deb.fields.get("Description", name).partition("\n")
    head = {
        "Name": name,
        "Epoch": epoch,
        "Version": version,
        "Release": release,
        "Summary": summary,
        "License": "See the Debian package",
        "URL": deb.fields.get("Homepage", ""),
        "BuildArch": "noarch" if deb.fields.get("Architecture") == "all" else "",
        "AutoReqProv": "no",
    }
    lines = [f"{key}: {_escape(value)}" for key, value in head.items() if value]
    provided = relations.provides(deb.fields) + _EXTRA_PROVIDES.get(name, [])
    lines += [f"Provides: {text}" for text in provided]
    lines += ["Requires(pre): filesystem"]
    lines += [f"Requires: {text}" for text in relations.requirements(deb.fields, known) + _EXTRA_REQUIRES.get(name, [])]
    lines += ["", "%description", _escape(description or summary)]
    lines += ["", "%install", "rm -rf %{buildroot}", f"mv '{tree}' %{{buildroot}}"]
    lines += [
        "",
        _POSTTRANS.get(name, "").format(kernel=kernel),
        "",
        "%files",
        "%defattr(-,-,-)",
        *file_lines(tree),
        "",
    ]
    return "\n".join(lines)


def _escape(text: str) -> str:
    return text.replace("%", "%%")


def file_lines(tree: pathlib.Path) -> list[str]:
    """Return the %files lines for `tree`; folders only where empty or with unusual owner or mode."""
    lines = []
    for folder, folders, files in os.walk(tree):
        for name in sorted(files + [name for name in folders if (pathlib.Path(folder) / name).is_symlink()]):
            lines.append(_file_line(tree, pathlib.Path(folder) / name))
        here = pathlib.Path(folder)
        held = here.stat()
        plain = stat.S_IMODE(held.st_mode) == 0o755 and (held.st_uid, held.st_gid) == (0, 0)
        if here != tree and (not plain or not (files or folders)) and not _is_base(here.relative_to(tree)):
            lines.append("%dir " + _quoted(here.relative_to(tree)))
    return lines


def _is_base(path: pathlib.PurePath) -> bool:
    return str(path) in BASE_FOLDERS


def _file_line(tree: pathlib.Path, path: pathlib.Path) -> str:
    inside = path.relative_to(tree)
    keep = "%config(noreplace) " if inside.parts[0] == "etc" and not path.is_symlink() else ""
    return keep + _quoted(inside)


def _quoted(path: pathlib.PurePath) -> str:
    return '"/' + _escape(str(path)) + '"'


# Owned by package `filesystem` alone, with these modes.
BASE_FOLDERS = {
    **dict.fromkeys(lists.words("base-folders.txt"), 0o755),
    "root": 0o700,
    "tmp": 0o1777,
    "var/tmp": 0o1777,
}
