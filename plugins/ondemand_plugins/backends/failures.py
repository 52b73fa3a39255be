# SPDX-License-Identifier: MIT
"""How image tools are known to fail: per tool the patterns of its lines, with what happened, whose it is and what to do. Pure.

Each row is held to the log of a failure (tests/data/tool_logs), or to the line that the tool's public sources print
(tests/unit/test_plugin_failures.py). What tells more comes first.
"""

from __future__ import annotations

from ondemand.errors import FailureClass
from ondemand.plugins import Failure

_AGAIN = "it is tried again on another builder if there is one; the operator may have to make room there"
_ROOM = "it is tried again on another builder if there is one; the operator may give builder.work more room"
_PACKAGES = "look which of the named packages the request, the preset or the kickstart asks for, and correct that"
_REPOSITORY = "it is tried again; if it comes back, look whether the named repository is there"
_INITRAMFS = "look at the lines of dracut before it; the preset has to ask for the packages that it names"

MACHINE = (
    Failure(
        pattern=r"No space left on device|at least \d+ ?[KMG]i?B more space needed|Image size \S+ exceeds free space on media"
        r"|At least \d+\w+ more space needed on the|Insufficient (?:disk )?space|Not enough disk space",
        happened="the builder's disk is full",
        remedy=_ROOM,
        failure_class=FailureClass.BUILDER,
    ),
    Failure(
        pattern=r"Disk quota exceeded",
        happened="the builder's disk takes nothing more",
        remedy=_ROOM,
        failure_class=FailureClass.BUILDER,
    ),
    Failure(
        pattern=r"FATAL ERROR: ?Out of memory|FATAL ERROR: ?Failed to create thread|^MemoryError\b|: MemoryError\b"
        r"|Cannot allocate memory|Out of memory: Killed|: Killed$|^Killed$|memory exhausted",
        happened="the builder ran out of memory",
        remedy=_AGAIN,
        failure_class=FailureClass.BUILDER,
    ),
    Failure(
        pattern=r"cannot find an unused loop device|could not find any free loop device|failed to set(?:up| up) loop device"
        r"|[Ff]ailed to allocate loop device|loop_attach failed, retries exhausted",
        happened="the builder has no loop device left",
        cause="other programs use all of them, or the builder may make none",
        remedy=_AGAIN,
        failure_class=FailureClass.BUILDER,
    ),
)
"""What any program says when the machine gives it too little."""

DNF = (
    Failure(
        pattern=r"Curl error \(\d+\): (?P<why>.*)|[Cc]annot download (?P<file>repodata/repomd\.xml)|All mirrors were tried"
        r"|Failed to download metadata for repo",
        happened="a repository can't be read",
        remedy=_REPOSITORY,
        failure_class=FailureClass.SERVICE,
    ),
    Failure(
        pattern=r"nothing provides (?P<what>.+?) needed by (?P<package>\S+)",
        happened="{package} needs {what}, which no package provides",
        remedy="want the build that provides it, too, or leave that package out",
    ),
    Failure(
        pattern=r"file (?P<file>\S+) (?:from install of \S+ )?conflicts (?:between attempted installs of|with file from) (?P<packages>.+)",
        happened="two packages hold the file {file}: {packages}",
        remedy="leave one of them out; which one is right, their maintainers have to say",
    ),
    Failure(
        pattern=r"Unable to find a match: (?P<names>.+)|No match for argument: (?P<name>.+)",
        happened="a package is not there: {names}{name}",
        remedy=_PACKAGES,
    ),
    Failure(
        pattern=r"^.*Problem(?: \d+)?: (?P<what>.+)",
        happened="the packages can't be installed together: {what}",
        remedy=_PACKAGES,
    ),
    Failure(
        pattern=r"error: %(?P<kind>pre|prein|pretrans|triggerprein)\((?P<package>[^)]+)\) scriptlet failed, (?P<status>.+)",
        happened="the %{kind} scriptlet of {package} failed with {status}",
        cause="RPM installs no package whose scriptlet before the installation fails",
        remedy="look at what it said in the lines before; a build of that package with a mended scriptlet is needed",
        consequence=True,
    ),
    Failure(
        pattern=r"Error in (?P<kind>PREIN|PRETRANS|TRIGGERPREIN) scriptlet in rpm package (?P<package>\S+)",
        happened="the {kind} scriptlet of {package} failed",
        cause="RPM installs no package whose scriptlet before the installation fails",
        remedy="look at what it said in the lines before; a build of that package with a mended scriptlet is needed",
        consequence=True,
    ),
    Failure(
        pattern=r"[Ee]rror(?:: | )unpacking (?:of archive failed|rpm package (?P<package>\S+))",
        happened="a package can't be unpacked: {package}",
        remedy="look at the line after it; the RPM may be damaged, or two packages differ about a folder",
        consequence=True,
    ),
    Failure(
        pattern=r"Public key for (?P<package>\S+) is not installed|(?P<other>\S+) does not verify: (?:no|bad) signature",
        happened="RPM refuses the signature of {package}{other}",
        remedy="want a build that is signed by a key of the release",
    ),
)
"""dnf and RPM, whoever calls them."""

DRACUT = (
    Failure(
        pattern=r"dracut\S*: (?:dracut )?[Mm]odule '(?P<module>[^']+)' cannot be (?:found or )?(?:found|installed)",
        happened="dracut has no module {module} that it can take",
        remedy=_INITRAMFS,
    ),
    Failure(
        pattern=r"dracut\S*: (?:dracut )?[Mm]odule '(?P<module>[^']+)' depends on (?:module )?'(?P<on>[^']+)', which can't be installed",
        happened="dracut can't install its module {module}, which needs {on}",
        remedy=_INITRAMFS,
    ),
    Failure(
        pattern=r"dracut\S*: Cannot find module directory (?P<folder>\S+)",
        happened="the kernel's modules are missing: {folder}",
        cause="the initramfs was asked for a kernel that is not in the image",
        remedy="ask for a kernel with its modules (kernel-core and kernel-modules in Fedora)",
    ),
    Failure(
        pattern=r"dracut\S*: Creation of (?P<file>\S+) failed",
        happened="the initramfs {file} could not be written",
        remedy=_INITRAMFS,
        consequence=True,
    ),
)

MKSQUASHFS = (
    Failure(
        pattern=r"FATAL ERROR: ?(?P<what>.+)",
        happened="the squashfs of the root could not be written: {what}",
        remedy="look at the lines before it",
        consequence=True,
    ),
)

XORRISO = (
    Failure(
        pattern=r"(?:xorriso : FAILURE : )?-volid: Text too long \((?P<long>\d+) > (?P<most>\d+)\)",
        happened="xorriso refused the volume label: it has {long} characters of {most} at most",
        remedy="ask for a shorter volume_label",
        failure_class=FailureClass.REQUEST,
    ),
    Failure(
        pattern=r"xorriso : FAILURE : File exceeds size limit of \d+ bytes: (?P<file>.+)",
        happened="xorriso refused {file}, which is too large for this level of ISO 9660",
        remedy="ask for fewer packages, so that the root is below 4 GiB, or for a stronger compression",
    ),
    Failure(
        pattern=r"xorriso : (?:FAILURE|FATAL|ABORT) : (?P<what>.+)|libisofs: (?:FAILURE|MISHAP|FATAL) : (?P<other>.+)",
        happened="xorriso refused to write the image: {what}{other}",
        remedy="look at the lines before it",
        consequence=True,
    ),
)

_KIWI = (
    Failure(
        pattern=r"KiwiKernelLookupError: (?P<what>.+)",
        happened="the image has no kernel",
        cause="no package that was installed brought one below /boot or /usr/lib/modules",
        remedy="ask for a kernel (kernel-core in Fedora), or take a preset that does",
    ),
    Failure(
        pattern=r"KiwiScriptFailed: (?P<what>.+)|(?P<script>config\.sh|images\.sh|post_bootstrap\.sh) failed",
        happened="a script of the kickstart or description failed: {what}{script}",
        remedy="look at what it said in the lines before, and correct the script",
        consequence=True,
    ),
    Failure(
        pattern=r"(?P<kind>Locale|Keymap) (?P<name>\S+) is not installed",
        happened="{kind} {name} is not in the image",
        remedy="ask for the package that brings it (glibc-langpack-* or kbd in Fedora), or for another lang or keyboard",
    ),
    Failure(
        pattern=r"KiwiDescriptionInvalid",
        happened="kiwi does not take the description",
        remedy="correct the preset's description; kiwi says what is wrong in the lines around",
    ),
)

_LIVECD = (
    Failure(
        pattern=r"Failed to find package '(?P<name>[^']+)'|Failed to find (?:group|environment) '(?P<group>[^']+)'",
        happened="the repositories have no {name}{group}",
        remedy=_PACKAGES,
    ),
    Failure(
        pattern=r"Unable to download from repo ?: (?P<why>.+)",
        happened="a repository can't be read",
        remedy=_REPOSITORY,
        failure_class=FailureClass.SERVICE,
    ),
    Failure(
        pattern=r"(?:Failed to build transaction|Unable to install) ?: (?P<what>.+)",
        happened="the packages can't be installed together: {what}",
        remedy=_PACKAGES,
        consequence=True,
    ),
    Failure(
        pattern=r"%post script failed with code (?P<status>\d+)|Failed to execute %post script with '(?P<interpreter>[^']*)'",
        happened="a %post of the kickstart failed: status {status}{interpreter}",
        remedy="look at what it said in the lines before, and correct the kickstart",
        consequence=True,
    ),
    Failure(
        pattern=r"Unable to find boot file (?P<file>\S+)|no kernels? found",
        happened="the image lacks its kernel or initramfs: {file}",
        cause="livecd-creator takes them from /boot of packages that provide kernel",
        remedy="ask for a kernel and dracut-live, or take a preset that does",
    ),
    Failure(
        pattern=r"syslinux not installed",
        happened="the image lacks syslinux, with which livecd-creator makes it boot",
        remedy="ask for the package syslinux",
    ),
    Failure(
        pattern=r"ISO creation failed!",
        happened="the ISO could not be written",
        remedy="look at the lines before it",
        consequence=True,
    ),
)

_LORAX = (
    Failure(
        pattern=r"No (?:kernels|initrds) found, cannot rebuild_initrds",
        happened="the installer's runtime has no kernel",
        cause="the lock holds none whose file lorax finds",
        remedy="ask for a release or repository with a kernel; look at the list of packages in the lock",
    ),
    Failure(
        pattern=r"no anaconda-core package in the repository",
        happened="no repository has the installer (anaconda-core)",
        remedy="the operator has to name a repository of the release that holds it",
    ),
    Failure(
        pattern=r"no package matched (?P<name>\S+)",
        happened="lorax's templates ask for {name}, which no repository has",
        remedy="the operator has to bring lorax and the release's repositories to the same version",
    ),
    Failure(
        pattern=r"script_error on (?P<package>[^:]+): (?P<kind>\S+) rc=(?P<status>\d+)",
        happened="the {kind} scriptlet of {package} failed with status {status}",
        remedy="look at what it said in the lines before; a build of that package with a mended scriptlet is needed",
        consequence=True,
    ),
    Failure(
        pattern=r"(?:unpack_error|cpio_error) on (?P<package>\S+)",
        happened="the package {package} can't be unpacked",
        remedy="look at the lines before it; the RPM may be damaged",
        consequence=True,
    ),
    Failure(
        pattern=r"Failed to download '(?P<package>[^']+)': (?P<why>.+)|Mirror failure on '(?P<other>[^']+)': (?P<reason>.+)",
        happened="a package can't be downloaded: {package}{other}",
        remedy=_REPOSITORY,
        failure_class=FailureClass.SERVICE,
    ),
)

_LIVEMEDIA = (
    Failure(
        pattern=r"dracut-live package is missing from the kickstart",
        happened="the kickstart lacks dracut-live, without which no live image boots",
        remedy="add dracut-live to its %packages",
        failure_class=FailureClass.REQUEST,
    ),
    Failure(
        pattern=r"No / partition in the kickstart|No partitions in the kickstart",
        happened="the kickstart names no partition for /, so that the size of the image is not known",
        remedy="add a line «part / --size=MIB» to it",
        failure_class=FailureClass.REQUEST,
    ),
    Failure(
        pattern=r"Image creation failed: (?P<what>.+)|novirt_install (?P<why>failed.*)|(?P<error>make_runtime failed with rc = \d+)",
        happened="the installation into the image failed: {what}{why}{error}",
        remedy="look at anaconda's own log in the lines before",
        consequence=True,
    ),
)

_MEDIA = (
    Failure(
        pattern=r"^error: (?P<package>\S+) belongs to the installer itself, and the published boot\.iso has (?P<own>\S+), "
        r"which it can't exchange because (?P<why>[^;]+)",
        happened="{package} belongs to the installer itself and can't take the place of {own} there ({why})",
        cause="the published boot.iso's installer stays as it is but for modules of Python",
        remedy="ask for an image whose installer is made anew (backend lorax), or leave that build out",
        failure_class=FailureClass.REQUEST,
    ),
    Failure(
        pattern=r"^error: (?P<builds>.+) would be ignored: ",
        happened="{builds} would be ignored",
        cause="neither the installer nor the system that the kickstart installs has any package of it",
        remedy="name one of its packages in add_packages to have it installed, or leave that build out",
        failure_class=FailureClass.REQUEST,
    ),
    Failure(
        pattern=r"^error: the image has (?P<size>\d+) bytes, and a medium «(?P<medium>[^»]*)» holds (?P<limit>\d+)",
        happened="the image has {size} bytes, and a medium «{medium}» holds {limit}",
        cause="the packages and the installer together are larger",
        remedy="ask for fewer packages, or let the operator choose a larger `medium` in the release definition",
        failure_class=FailureClass.REQUEST,
    ),
)

KIWI = (*MACHINE, *DNF, *DRACUT, *_KIWI, *XORRISO, *MKSQUASHFS)
LIVECD = (*MACHINE, *_LIVECD, *DNF, *DRACUT, *XORRISO, *MKSQUASHFS)
LORAX = (*MACHINE, *_LORAX, *DNF, *DRACUT, *XORRISO, *MKSQUASHFS)
LIVEMEDIA = (*MACHINE, *_LIVEMEDIA, *_LORAX, *DNF, *DRACUT, *XORRISO, *MKSQUASHFS)
MEDIA = (*MACHINE, *_MEDIA, *XORRISO)
"""The program that changes a finished boot.iso is ours: what it refuses stands in its last line."""
LORAX_DVD = (*MACHINE, *_MEDIA, *_LORAX, *DNF, *DRACUT, *XORRISO, *MKSQUASHFS)
