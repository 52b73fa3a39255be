# SPDX-License-Identifier: MIT
"""The packages that make a system of the others: folders, accounts, release files and the proof of the boot.

What Debian's maintainer scripts would have written stands here as files.
"""

from __future__ import annotations

import pathlib

from demo import lists, originals, packages

_USERS = {
    "root": (0, 0, "/root", "/usr/bin/bash"),
    "daemon": (1, 1, "/usr/sbin", "/usr/sbin/nologin"),
    "bin": (2, 2, "/usr/bin", "/usr/sbin/nologin"),
    "mail": (8, 8, "/var/mail", "/usr/sbin/nologin"),
    "messagebus": (81, 81, "/", "/usr/sbin/nologin"),
    "systemd-network": (192, 192, "/", "/usr/sbin/nologin"),
    "systemd-resolve": (193, 193, "/", "/usr/sbin/nologin"),
    "nobody": (65534, 65534, "/", "/usr/sbin/nologin"),
}
_GROUPS = {name: int(number) for name, _, number in (word.partition(":") for word in lists.words("groups.txt"))}

_PAM = {
    "auth": "auth sufficient pam_unix.so nullok\nauth required pam_deny.so",
    "account": "account required pam_unix.so",
    "password": "password required pam_unix.so yescrypt",
    "session": "session required pam_unix.so",
    "session-noninteractive": "session required pam_unix.so",
}

_WANTS = "/etc/systemd/system/getty.target.wants/"

_OS_RELEASE = """NAME="Ondemand Demo"
PRETTY_NAME="Ondemand Demo 1"
ID=ondemand-demo
ID_LIKE=fedora
VERSION_ID=1
VERSION="1"
CPE_NAME="cpe:/o:ondemand:demo:1"
HOME_URL="https://demo.invalid/"
"""


def sources() -> list[originals.Source]:
    """Return the source packages of the base system."""
    return [_filesystem(), _release(), _boot_proof()]


def _filesystem() -> originals.Source:
    passwd = "".join(
        f"{name}:x:{uid}:{gid}:{name}:{home}:{shell}\n" for name, (uid, gid, home, shell) in _USERS.items()
    )
    # Root's empty password opens the console of the live system; nothing listens on the network.
    shadow = "".join(f"{name}:{'' if name == 'root' else '*'}:19700:0:99999:7:::\n" for name in _USERS)
    folders = {**packages.BASE_FOLDERS, "var/mail": 0o755, "var/lib/misc": 0o755}
    package = originals.Original(
        name="filesystem",
        summary="The folders and accounts of the system",
        folders=folders,
        files={
            "/etc/passwd": passwd,
            "/etc/group": "".join(f"{name}:x:{gid}:\n" for name, gid in _GROUPS.items()),
            "/etc/shadow": shadow,
            "/etc/gshadow": "".join(f"{name}:*::\n" for name in _GROUPS),
            "/etc/fstab": "# The live system mounts its own root.\n",
            "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
            "/etc/shells": "/bin/sh\n/bin/bash\n/usr/bin/bash\n",
        },
        modes={"/etc/shadow": 0o640, "/etc/gshadow": 0o640},
        links={
            "/bin": "usr/bin",
            "/sbin": "usr/sbin",
            "/lib": "usr/lib",
            "/lib64": "usr/lib64",
            "/var/run": "../run",
            "/var/lock": "../run/lock",
        },
        # Newer rpmbuild makes dependencies on the owners of files.
        provides=(*(f"user({name})" for name in _USERS), *(f"group({name})" for name in _GROUPS)),
        noarch=False,
    )
    return originals.Source(version="1", packages=(package,))


def _release() -> originals.Source:
    files = {f"/etc/pam.d/common-{kind}": text + "\n" for kind, text in _PAM.items()}
    release = originals.Original(
        name="demo-release",
        summary="Release files and settings of the Ondemand demo distribution",
        files={
            **files,
            "/usr/lib/os-release": _OS_RELEASE,
            "/etc/issue": "Ondemand Demo 1 \\n \\l\n\n",
            "/etc/hostname": "ondemand-demo\n",
            "/etc/locale.conf": "LANG=C.UTF-8\n",
            "/etc/vconsole.conf": "KEYMAP=us\n",
            "/etc/machine-id": "",
            "/etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
            "/etc/profile": "export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n",
            "/etc/rpm/macros.demo": "%_dbpath /usr/lib/sysimage/rpm\n",
            "/etc/dracut.conf.d/10-demo.conf": 'hostonly="no"\ncompress="zstd"\n',
        },
        links={
            "/etc/os-release": "../usr/lib/os-release",
            "/etc/redhat-release": "../usr/lib/os-release",
            "/etc/localtime": "../usr/share/zoneinfo/UTC",
            "/etc/systemd/system/default.target": "/usr/lib/systemd/system/multi-user.target",
            _WANTS + "getty@tty1.service": "/usr/lib/systemd/system/getty@.service",
            # Locale, time zone and root account are settled by this package: nothing is left to ask.
            "/etc/systemd/system/systemd-firstboot.service": "/dev/null",
        },
        requires=("filesystem", "basesystem", "kbd-misc"),
        provides=("system-release = 1", "system-release(releasever) = 1"),
    )
    base = originals.Original(
        name="basesystem",
        summary="What every system of the demo distribution has",
        folders={"usr/share/ondemand/basesystem": 0o755},
        requires=tuple(lists.words("basesystem.txt")),
    )
    # The keymap of vconsole.conf: newer systemd refuses to set one that it does not find.
    keymaps = originals.Original(
        name="kbd-misc",
        summary="The keymap of the console",
        files={"/usr/lib/kbd/keymaps/us.map": "# The kernel's built-in keymap is the US one: nothing to change.\n"},
    )
    return originals.Source(version="1", packages=(release, base, keymaps, _live_overlay()))


def _live_overlay() -> originals.Original:
    module, here = "/usr/lib/dracut/modules.d/91live-overlay/", pathlib.Path(__file__).parent / "files"
    return originals.Original(
        name="dracut-config-live-overlay",
        summary="Lets older dracut boot a live root that is a plain squashfs",
        files={
            module + "module-setup.sh": (here / "live-overlay-setup.sh").read_text(),
            module + "live-overlay.sh": (here / "live-overlay.sh").read_text(),
        },
        modes={module + "module-setup.sh": 0o755, module + "live-overlay.sh": 0o755},
        requires=("dracut",),
    )


def _boot_proof() -> originals.Source:
    here = pathlib.Path(__file__).parent / "files"
    package = originals.Original(
        name="ondemand-boot-proof",
        summary="Says on the serial line that this system has booted, when asked with a token",
        files={
            "/usr/libexec/ondemand-boot-proof": (here / "ondemand-boot-proof").read_text(),
            "/usr/lib/systemd/system/ondemand-boot-proof.service": (here / "ondemand-boot-proof.service").read_text(),
        },
        links={
            "/usr/lib/systemd/system/multi-user.target.wants/ondemand-boot-proof.service": (
                "../ondemand-boot-proof.service"
            ),
        },
        requires=("bash", "systemd", "rpm", "util-linux", "coreutils"),
    )
    return originals.Source(version="1.0", packages=(package,))
