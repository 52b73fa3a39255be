# SPDX-License-Identifier: MIT
"""Backend `kiwi`: live images by kiwi-ng from the frozen repository alone. Pure: makes a plan, runs nothing."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal
from xml.etree import ElementTree

import pydantic

from ondemand import kickstarts, plugins, secure_boot
from ondemand.build_requests import Profile
from ondemand.descriptions import Description
from ondemand.locks import Lock, Rules
from ondemand_plugins.backends import failures, kept_initramfs, kept_root, kiwi_descriptions, kiwi_roots, progress, squashfs_percent
from ondemand_plugins.backends import options as backend_options

BUILD_TIMEOUT = 5400.0
_DATABASE = "%_dbpath /usr/lib/sysimage/rpm\n"
_LANGUAGES = "%_install_langs {}\n"
_DRACUT = 'compress="zstd {level}"\n'
_RUN = ".sh", "/chroot", "/rsync", "/mksquashfs"
_KEPT = "initramfs"
_PROGRAMS = f"{_KEPT}/programs"
_CHROOT, _RSYNC, _SQUASHFS = (f"{_PROGRAMS}/{name}" for name in ("chroot", "rsync", "mksquashfs"))
_STAND_IN = """import os, runpy, shutil, sys
own, name = os.path.split(os.path.abspath(sys.argv[0]))
others = (path for path in os.get_exec_path() if os.path.realpath(path) != os.path.realpath(own))
real = shutil.which(name, path=os.pathsep.join(others))
if real is None:
    raise SystemExit(name + " is not installed")
runpy.run_path({program!r})["main"](own, real, sys.argv[1:])
"""
_LONGEST = 120
"""Characters that any kernel takes in a program's first line."""
_UNITS = ".service", ".socket", ".timer", ".target", ".path", ".mount"


class Options(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What a release definition may set for the image type."""

    firmware: Literal["auto", "bios", "efi", "uefi"] = "auto"
    """What the ISO is made to start from; `auto`: BIOS, and UEFI as well where the lock has shim and GRUB for it."""
    kernel_command_line: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9 =,._:/-]{0,500}$")] = (
        "console=tty0 console=ttyS0,115200"
    )
    test_compression: Literal["lz4", "lzo", "zstd", "gzip", "xz"] = "lz4"
    release_compression: Literal["lz4", "lzo", "zstd", "gzip", "xz"] = "xz"


class KiwiBackend:
    """Live images as hybrid ISOs with a squashfs root, booted by dracut's dmsquash-live; or as a preset's description says."""

    name: ClassVar[str] = "kiwi"
    closed: ClassVar[bool] = True
    image_types: ClassVar[frozenset[str]] = frozenset({"live"})
    commands: ClassVar[frozenset[str] | None] = frozenset({"lang", "keyboard", "timezone", "rootpw", "services"})
    descriptions: ClassVar[bool] = True
    tools: ClassVar[tuple[str, ...]] = ("kiwi-ng", "dnf", "rpm", "rsync", "xorriso", "mksquashfs")
    probes: ClassVar[Mapping[str, tuple[str, ...]]] = {"kiwi-ng": ("kiwi-ng", "--version"), "dnf": ("dnf", "--version")}
    failures: ClassVar[tuple[plugins.Failure, ...]] = failures.KIWI
    progress: ClassVar[tuple[plugins.Progress, ...]] = progress.KIWI

    def disk(self, lock: Lock) -> int:
        """The root, its squashfs and the ISO, with room for what scripts add; at least 1 GiB."""
        root = max(lock.installed_size, 3 * lock.download_size)
        return max(1024**3, int(root * 2.5))

    def check(self, draft: plugins.Draft) -> None:
        """Raises errors.InvalidRequest for options that it does not know."""
        backend_options.read(Options, draft, self.name)

    def plan(self, order: plugins.Order) -> plugins.Plan:
        """One run of kiwi-ng; raises errors.InvalidRequest for options it does not know."""
        options = backend_options.read(Options, order, self.name)
        if order.description is not None:
            return _plan_of_description(order, order.description, options)
        kickstart = kickstarts.parse(order.kickstart, order.release.kickstart_syntax)
        level = "-1" if order.request.profile is Profile.TEST else "-19"
        files = {
            "description/config.xml": _description(order, options, kickstart),
            "description/root/etc/dracut.conf.d/50-ondemand.conf": _DRACUT.format(level=level),
            "home/.rpmmacros": _macros(order.lock.rules),
            **_programs(),
        }
        script = _script(kickstart)
        if script:
            files["description/config.sh"] = script
        for number, part in enumerate(kickstart.scripts):
            files[f"description/root/root/ondemand-post-{number}"] = _with_interpreter(part)
        return plugins.Plan(
            files={**files, **kiwi_roots.files(order, _repository(order), _names(order.lock))},
            folders=("result",),
            executable=frozenset(name for name in files if name.endswith(_RUN) or "/ondemand-post-" in name),
            commands=(_command(order),),
            image="result/*.iso",
            root=kiwi_roots.root(order, files["home/.rpmmacros"]),
            initramfs=_initramfs(order),
        )


def _plan_of_description(order: plugins.Order, description: Description, options: Options) -> plugins.Plan:
    """The preset's own files, but for the main one, which asks for the lock alone; scripts and overlay stay what they are."""
    binaries = {f"description/{path}": content for path, content in description.contents().items()}
    del binaries[f"description/{description.main}"]
    main = kiwi_descriptions.main_file(
        description,
        order.request.arch,
        packages=_names(order.lock),
        repository=_repository(order),
        label=order.label,
        kernel_command_line=options.kernel_command_line,
        package_manager=kiwi_roots.package_manager(order),
        quick=order.request.profile is Profile.TEST,
    )
    profile = ("--profile", description.profile) if description.profile else ()
    repository, names = _repository(order), _names(order.lock)
    # What leaves out some of a package's files is kiwi's own then, and makes another root.
    plain = not any(f"<{word}>true" in main for word in ("rpm-excludedocs", "rpm-locale-filtering"))
    return plugins.Plan(
        files={
            f"description/{description.main}": main,
            "home/.rpmmacros": _DATABASE,
            **_programs(),
            **kiwi_roots.files(order, repository, names),
        },
        binaries=binaries,
        folders=("result",),
        executable=frozenset({_CHROOT, _RSYNC, _SQUASHFS, *(f"description/{path}" for path in description.executable)}),
        commands=(_command(order, *profile, "--kiwi-file", description.main),),
        image="result/*.iso",
        root=kiwi_roots.root(order, _DATABASE) if plain else None,
        initramfs=_initramfs(order),
    )


def _command(order: plugins.Order, *words: str) -> plugins.Command:
    # kiwi keeps dnf's repository files in the shared folder: in /var/cache two builds would overwrite each other's.
    return plugins.Command(
        argv=(
            "kiwi-ng", "--debug", "--logfile", "stdout", "--shared-cache-dir", str(order.work / "cache"),
            "--type", "iso", *words, "system", "build", "--allow-existing-root",
            "--description", str(order.work / "description"), "--target-dir", str(order.work / "result"),
        ),
        timeout=BUILD_TIMEOUT,
        environment={"HOME": str(order.work / "home")},
        programs=_PROGRAMS,
    )  # fmt: skip


def _programs() -> dict[str, str]:
    """What kiwi finds in place of `chroot`, `rsync` and `mksquashfs`."""
    modules = {_CHROOT: kept_initramfs, _RSYNC: kept_root, _SQUASHFS: squashfs_percent}
    return {name: _stand_in(sys.executable, str(module.__file__)) for name, module in modules.items()}


def _stand_in(python: str, program: str) -> str:
    """A program that calls `main` of the Python file `program` with its own folder, the program that it stands for, and its words."""
    text = _STAND_IN.format(program=program)
    if len(python) <= _LONGEST and not re.search(r"\s", python):
        return f"#!{python} -IS\n{text}"
    # The kernel takes no such interpreter in a first line; every word of this one is quoted.
    text = text.replace("sys.argv[1:]", "sys.argv[2:]").replace("sys.argv[0]", "sys.argv[1]")
    return f'#!/bin/sh\nexec {shlex.join((python, "-IS", "-c", text))} "$0" "$@"\n'


def _initramfs(order: plugins.Order) -> plugins.Initramfs:
    """One that is made for the same kernel by the same dracut among packages of the same names may be the same."""
    makers = [p.nevra for p in order.lock.packages if p.name.startswith(("kernel", "dracut"))]
    key = {"names": _names(order.lock), "makers": sorted(makers), "profile": order.request.profile.value}
    return plugins.Initramfs(folder=_KEPT, key={"backend": KiwiBackend.name, "versions": dict(order.versions), **key})


def _description(order: plugins.Order, options: Options, kickstart: kickstarts.Kickstart) -> str:
    """kiwi's config.xml; every text goes through the XML writer."""
    image = ElementTree.Element("image", schemaversion=kiwi_roots.SCHEMA, name=f"build-{order.build_id}")
    about = ElementTree.SubElement(image, "description", type="system")
    for tag, text in (
        ("author", "On-Demand Fedora Build Service"),
        ("contact", "ondemand@localhost.invalid"),
        ("specification", order.request.title or f"Build {order.build_id}"),
    ):
        ElementTree.SubElement(about, tag).text = text
    preferences = ElementTree.SubElement(image, "preferences")
    for tag, text in (
        ("version", "1.0.0"),
        ("packagemanager", kiwi_roots.package_manager(order)),
        ("locale", kickstart.language.partition(".")[0]),
        ("keytable", kickstart.keyboard),
        ("timezone", kickstart.timezone),
        ("rpm-excludedocs", "false" if order.lock.rules.documentation else "true"),
    ):
        if text and text not in ("C", "POSIX"):
            ElementTree.SubElement(preferences, tag).text = text
    test = order.request.profile is Profile.TEST
    kind = ElementTree.SubElement(
        preferences,
        "type",
        image="iso",
        flags="dmsquash",
        firmware=_firmware(order.lock) if options.firmware == "auto" else options.firmware,
        volid=order.label,
        filesystem="squashfs",
        squashfscompression=options.test_compression if test else options.release_compression,
        kernelcmdline=options.kernel_command_line,
    )
    ElementTree.SubElement(kind, "bootloader", name="grub2", output_console="serial", timeout="1")
    if kickstart.root_password:
        users = ElementTree.SubElement(image, "users")
        encoding = "encrypted" if kickstart.root_password_crypted else "plain"
        ElementTree.SubElement(users, "user", name="root", password=kickstart.root_password, pwdformat=encoding)
    image.append(_repository(order))
    packages = ElementTree.SubElement(image, "packages", type="bootstrap")
    for name in _names(order.lock):
        ElementTree.SubElement(packages, "package", name=name)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(image, encoding="unicode") + "\n"


def _firmware(lock: Lock) -> str:
    return "bios" if secure_boot.lacks(lock) else "uefi"


def _macros(rules: Rules) -> str:
    """What RPM is told beside dnf's configuration."""
    if rules.languages is None:
        return _DATABASE
    return _DATABASE + _LANGUAGES.format(":".join(rules.languages) or "%{nil}")


def _repository(order: plugins.Order) -> ElementTree.Element:
    """The frozen repository, whose RPMs were held to their digests and signatures when they were fetched."""
    unchecked = {"package_gpgcheck": "false", "repository_gpgcheck": "false"}
    made = ElementTree.Element("repository", {"type": "rpm-md", "alias": "locked", "imageinclude": "false", **unchecked})
    ElementTree.SubElement(made, "source", path=f"dir://{order.repository}")
    return made


def _names(lock: Lock) -> list[str]:
    """The names by which dnf takes exactly these: by its bare name a package of the system's own architecture."""
    own = (lock.arch, "noarch")
    return sorted({p.name if p.arch in own else f"{p.name}.{p.arch}" for p in lock.packages})


def _script(kickstart: kickstarts.Kickstart) -> str:
    """config.sh, which kiwi runs inside the new root: services, then the kickstart's %post in their order."""
    lines = [f"systemctl enable {shlex.quote(_unit(name))}" for name in kickstart.services_enabled]
    lines += [f"systemctl disable {shlex.quote(_unit(name))}" for name in kickstart.services_disabled]
    for number, _ in enumerate(kickstart.scripts):
        lines += [f"/root/ondemand-post-{number}", f"rm -f /root/ondemand-post-{number}"]
    return "\n".join(["#!/bin/bash", "set -e", *lines, ""]) if lines else ""


def _with_interpreter(script: kickstarts.Script) -> str:
    return f"#!{script.interpreter.splitlines()[0]}\n{script.text}"


def _unit(name: str) -> str:
    return name if name.endswith(_UNITS) else f"{name}.service"
