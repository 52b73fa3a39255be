# SPDX-License-Identifier: MIT
"""The table of failures against logs of real runs that failed, and against what livecd-tools and lorax print by their sources."""

from __future__ import annotations

import pathlib
import re
import string

import pytest

from ondemand import errors, plugins
from ondemand_consumer import failing
from ondemand_plugins.backends import failures, kiwi

LOGS = pathlib.Path(__file__).parents[1] / "data" / "tool_logs"
TABLES = {
    "kiwi": failures.KIWI,
    "livecd": failures.LIVECD,
    "lorax": failures.LORAX,
    "livemedia": failures.LIVEMEDIA,
    "media": failures.MEDIA,
}
STARVED, FAILED, CUT_OFF, REFUSED = errors.ToolStarved, errors.ToolFailed, errors.ToolCutOff, errors.ToolRefused

SEEN = {
    "kiwi_package_missing": (FAILED, "a package is not there: no-such-package"),
    "kiwi_mirror_gone": (CUT_OFF, "a repository can't be read"),
    "kiwi_dependency": (FAILED, "t-dep-1-1.noarch needs libnothere.so.7()(64bit), which no package provides"),
    "kiwi_file_conflict": (FAILED, "two packages hold the file /usr/bin/curl: t-conflict-1-1.noarch and curl-7.88.1"),
    "kiwi_scriptlet_failed": (FAILED, "the %prein scriptlet of t-pre-1-1.noarch failed with exit status 3"),
    "kiwi_locale_missing": (FAILED, "Locale en_US.UTF-8 is not in the image"),
    "kiwi_kernel_missing": (FAILED, "the image has no kernel"),
    "kiwi_no_space_dracut": (STARVED, "the builder's disk is full"),
    "kiwi_no_space_iso": (STARVED, "the builder's disk is full"),
    "mksquashfs_no_space": (STARVED, "the builder's disk is full"),
    "mksquashfs_memory": (STARVED, "the builder ran out of memory"),
    "mksquashfs_threads": (STARVED, "the builder ran out of memory"),
    "xorriso_no_space": (STARVED, "the builder's disk is full"),
    "xorriso_label_too_long": (REFUSED, "the volume label: it has 49 characters of 32 at most"),
    "xorriso_file_too_large": (FAILED, "too large for this level of ISO 9660"),
    "dnf_disk_requirements": (STARVED, "the builder's disk is full"),
    "dnf_no_space": (STARVED, "the builder's disk is full"),
    "dracut_module_missing": (FAILED, "dracut has no module no-such-module"),
    "dracut_kernel_missing": (FAILED, "the kernel's modules are missing: /lib/modules/9.9.9-none/"),
    "losetup_exhausted": (STARVED, "no loop device left"),
    "python_memory": (STARVED, "the builder ran out of memory"),
}
"""By the name of the log: which error it becomes, and what its sentence says."""

PRINTED = [
    ("kiwi", "cp: error writing '/x': Disk quota exceeded", STARVED, "disk takes nothing more"),
    ("kiwi", " Problem 1: package a-1-1.noarch from f conflicts with b provided by b-1-1.noarch from f", FAILED, "together: package a"),
    ("kiwi", "Error in PREIN scriptlet in rpm package bash", FAILED, "the PREIN scriptlet of bash failed"),
    ("kiwi", "Error unpacking rpm package bash-5.2-1.x86_64", FAILED, "can't be unpacked: bash-5.2-1.x86_64"),
    ("kiwi", "error: unpacking of archive failed on file /usr/x;65: cpio: rename failed", FAILED, "can't be unpacked"),
    ("kiwi", "Public key for bash-5.2-1.x86_64.rpm is not installed", FAILED, "the signature of bash-5.2-1.x86_64.rpm"),
    ("kiwi", "	package bash-5.2-1.x86_64 does not verify: no signature", FAILED, "the signature of bash-5.2-1.x86_64"),
    ("kiwi", "dracut: dracut module 'a' depends on 'b', which can't be installed", FAILED, "module a, which needs b"),
    ("kiwi", "dracut[E]: Module 'a' depends on module 'b', which can't be installed", FAILED, "module a, which needs b"),
    ("kiwi", "dracut: Creation of /x.initrd failed", FAILED, "the initramfs /x.initrd could not be written"),
    ("kiwi", "FATAL ERROR: mangle2:: zstd compress failed with error code 1", FAILED, "could not be written: mangle2:: zstd"),
    ("kiwi", "xorriso : FAILURE : Cannot determine attributes of source file", FAILED, "refused to write the image: Cannot"),
    ("kiwi", "[ ERROR   ]: 10:01:04 | KiwiScriptFailed: config.sh failed with: x", FAILED, "description failed: config.sh failed"),
    ("kiwi", "[ ERROR   ]: 10:01:04 | KiwiDescriptionInvalid: Failed to validate schema", FAILED, "does not take the description"),
    ("livecd", "Error creating Live CD : Failed to find package 'nosuch' : no such package", FAILED, "have no nosuch"),
    ("livecd", "Error creating Live CD : Unable to download from repo : Cannot download repomd.xml", CUT_OFF, "repository"),
    ("livecd", "Error creating Live CD : Failed to build transaction : conflicts", FAILED, "together: conflicts"),
    ("livecd", "Error creating Live CD : %post script failed with code 3 ", FAILED, "status 3"),
    ("livecd", "Error creating Live CD : Unable to find boot file vmlinuz", FAILED, "lacks its kernel or initramfs: vmlinuz"),
    ("livecd", "Error creating Live CD : Failed to allocate loop device for '/x'", STARVED, "no loop device left"),
    ("livecd", "Error creating Live CD : ISO creation failed!", FAILED, "the ISO could not be written"),
    ("livecd", "Error creating Live CD : syslinux not installed : no suitable *menu.c32 found", FAILED, "lacks syslinux"),
    ("lorax", "RuntimeError: unpack_error on bash-0:5.2-1.x86_64", FAILED, "package bash-0:5.2-1.x86_64 can't be unpacked"),
    ("lorax", "RuntimeError: No kernels found, cannot rebuild_initrds", FAILED, "runtime has no kernel"),
    ("lorax", "no anaconda-core package in the repository", FAILED, "anaconda-core"),
    ("lorax", "RuntimeError: no package matched shim-x64", FAILED, "ask for shim-x64"),
    ("lorax", "RuntimeError: script_error on glibc: PREIN rc=1", FAILED, "PREIN scriptlet of glibc failed with status 1"),
    ("lorax", "loop_attach failed, retries exhausted.", STARVED, "no loop device left"),
    ("lorax", "Failed to download 'bash-5.2-1.x86_64': 404 - gone", CUT_OFF, "downloaded: bash-5.2-1.x86_64"),
    ("livemedia", "RuntimeError: dracut-live package is missing from the kickstart.", REFUSED, "lacks dracut-live"),
    ("livemedia", "RuntimeError: No / partition in the kickstart. Unable to calculate", REFUSED, "no partition for /"),
    ("media", "error: dnf-5-1 belongs to the installer itself, and the published boot.iso has dnf-4-1, which it can't exchange because it"
     " is no noarch package; ask for x", REFUSED, "dnf-5-1 belongs to the installer itself"),
    ("media", "error: bash-5.3-1 would be ignored: nothing of it", REFUSED, "bash-5.3-1 would be ignored"),
    ("media", "error: the image has 5000 bytes, and a medium «dvd» holds 4000; ask", REFUSED, "a medium «dvd» holds 4000"),
    ("livemedia", "InstallError: novirt_install failed", FAILED, "the installation into the image failed: failed"),
]
"""Lines after the tools' public sources: dnf 4.14, RPM 4.18, dracut in both its wordings, mksquashfs 4.5, xorriso 1.5, kiwi 11,
livecd-tools 31, lorax 40 to 46; of media our own program's."""


@pytest.mark.parametrize("name", sorted(path.stem for path in LOGS.glob("*.txt")))
def test_a_log_of_a_real_failure_becomes_its_sentence(name: str) -> None:
    kind, said = SEEN[name]
    error = failing.explain("tool", 1, (LOGS / f"{name}.txt").read_text(), failures.KIWI)
    assert type(error) is kind and said in str(error), str(error)
    assert error.remedy and 0 < len(error.lines) <= failing.LINES


@pytest.mark.parametrize(("table", "line", "kind", "said"), PRINTED)
def test_what_a_tool_prints_by_its_sources_becomes_its_sentence(table: str, line: str, kind: type, said: str) -> None:
    error = failing.explain("tool", 1, f"before\n{line}\nafter\n", TABLES[table])
    assert type(error) is kind and said in str(error), str(error)


def test_every_log_has_its_row() -> None:
    assert {path.stem for path in LOGS.glob("*.txt")} == set(SEEN)


def test_every_row_is_the_one_for_a_log_or_a_printed_line() -> None:
    said = [("kiwi", (LOGS / f"{name}.txt").read_text()) for name in SEEN] + [(table, line) for table, line, _, _ in PRINTED]
    places = [failing._place(failing._lines(text), TABLES[table], killed=False) for table, text in said]
    told = {place[0].pattern for place in places if place}
    rows = {row.pattern for table in TABLES.values() for row in table}
    assert rows - told == set()


@pytest.mark.parametrize("name", TABLES)
def test_every_sentence_names_only_groups_of_its_pattern(name: str) -> None:
    for row in TABLES[name]:
        named = {field for _, field, _, _ in string.Formatter().parse(row.happened) if field}
        assert named <= set(re.compile(row.pattern).groupindex), row


def test_kiwi_has_the_table_and_a_backend_without_one_has_none() -> None:
    assert plugins.failures(kiwi.KiwiBackend()) == failures.KIWI
    assert plugins.failures(object()) == ()  # type: ignore[arg-type]


REFUSALS = [
    (
        "dnf-5-1.x86_64 belongs to the installer itself, and the published boot.iso has dnf-4-1.x86_64, which it can't exchange because "
        "it is not of Python alone; ask for an image whose installer is made anew (backend lorax), or leave that build out",
        "installer_media failed: dnf-5-1.x86_64 belongs to the installer itself and can't take the place of dnf-4-1.x86_64 there "
        "(it is not of Python alone), because the published boot.iso's installer stays as it is but for modules of Python; "
        "ask for an image whose installer is made anew (backend lorax), or leave that build out.",
    ),
    (
        "a-1-1, b-1-1 would be ignored: neither the installer nor the system that the kickstart installs has any package of it; add one "
        "to add_packages to have it installed",
        "installer_media failed: a-1-1, b-1-1 would be ignored, because neither the installer nor the system that the kickstart installs "
        "has any package of it; name one of its packages in add_packages to have it installed, or leave that build out.",
    ),
    (
        "the image has 5000 bytes, and a medium «dvd» holds 1000; ask for fewer packages, or let the operator choose a larger medium",
        "installer_media failed: the image has 5000 bytes, and a medium «dvd» holds 1000, because the packages and the "
        "installer together are larger; ask for fewer packages, or let the operator choose a larger `medium` in the release definition.",
    ),
]
"""What the program of dvd and remaster says when it refuses, as tests/integration/test_media.py has it, and what becomes of it."""


@pytest.mark.parametrize(("said", "sentence"), REFUSALS)
def test_what_dvd_and_remaster_refuse_is_one_sentence_and_final(said: str, sentence: str) -> None:
    error = failing.explain("installer_media", 1, f"xorriso : UPDATE : 100% done\nerror: {said}\n", failures.MEDIA)
    assert str(error) == sentence and type(error) is REFUSED and not error.retryable
