# SPDX-License-Identifier: MIT
"""Package repositories with repodata, groups and update notices.

Works on folders of RPM files and must not know where those came from.
"""

from __future__ import annotations

import collections.abc
import datetime
import pathlib
import xml.etree.ElementTree as etree

from demo import builds, processes, rpms

# (group, name, packages): what a person would pick.
GROUPS = {
    "core": ("Core", ["demo-release", "basesystem", "kernel", "ondemand-boot-proof"]),
    "live": (
        "Live image",
        [
            "dracut",
            "dracut-live",
            "dracut-network",
            "curl",
            "zstd",
            "grub2-tools",
            "grub2-pc-modules",
            "iproute",
        ],
    ),
    # Fedora's name for what the installer itself adds to a system.
    "anaconda-tools": ("Installer's additions", ["dracut", "zstd", "grub2-tools", "grub2-common", "grub2-pc-modules"]),
    "ondemand": ("On demand", ["ondemand-hello", "ondemand-greeting", "ondemand-tools"]),
}
ENVIRONMENT = ("demo-live-environment", "Demo live system", ["core", "live"])


def comps() -> str:
    """Return the groups and the environment as comps XML."""
    root = etree.Element("comps")
    for group_id, (name, names) in GROUPS.items():
        group = etree.SubElement(root, "group")
        _fields(group, id=group_id, name=name, description=name, default="true", uservisible="true")
        listed = etree.SubElement(group, "packagelist")
        for package in names:
            etree.SubElement(listed, "packagereq", type="mandatory").text = package
    environment_id, name, members = ENVIRONMENT
    environment = etree.SubElement(root, "environment")
    _fields(environment, id=environment_id, name=name, description=name, display_order="1")
    listed = etree.SubElement(environment, "grouplist")
    for member in members:
        etree.SubElement(listed, "groupid").text = member
    return _text(root)


def update_notices(
    updates: collections.abc.Sequence[builds.Update],
    binaries: collections.abc.Mapping[str, collections.abc.Sequence[rpms.Rpm]],
    when: datetime.datetime,
) -> str:
    """Return updateinfo XML; `binaries` maps the NVR of a build to its packages in the repository."""
    root = etree.Element("updates")
    for update in updates:
        notice = etree.SubElement(
            root,
            "update",
            {"from": "updates@demo.invalid", "status": update.status, "type": update.kind, "version": "2.0"},
        )
        _fields(notice, id=update.alias, title=update.title)
        etree.SubElement(notice, "issued", date=when.strftime("%Y-%m-%d %H:%M:%S"))
        _fields(notice, severity="None", description=update.notes)
        listed = etree.SubElement(etree.SubElement(notice, "pkglist"), "collection", short="demo")
        for rpm in (rpm for nvr in update.nvrs for rpm in binaries.get(nvr, ())):
            attributes = {
                "name": rpm.name,
                "version": rpm.version,
                "release": rpm.release,
                "epoch": str(rpm.epoch or 0),
            }
            package = etree.SubElement(listed, "package", {**attributes, "arch": rpm.arch, "src": rpm.source})
            _fields(package, filename=rpm.path.name)
    return _text(root)


def _fields(parent: etree.Element, **fields: str) -> None:
    for name, text in fields.items():
        etree.SubElement(parent, name).text = text


def _text(root: etree.Element) -> str:
    etree.indent(root)
    return etree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def index(folder: pathlib.Path, *, groups: str, notices: str = "") -> None:
    """Write the repodata of `folder`."""
    groups_file = folder.parent / f"{folder.name}-comps.xml"
    groups_file.write_text(groups)
    words = [
        "createrepo_c",
        "--quiet",
        "--no-database",
        "--general-compress-type=gz",
        "--checksum=sha256",
        "--workers=2",
    ]
    processes.run([*words, "--groupfile", groups_file, folder], timeout=300)
    groups_file.unlink()
    if notices:
        notices_file = folder.parent / "updateinfo.xml"
        notices_file.write_text(notices)
        processes.run(["modifyrepo_c", "--mdtype=updateinfo", notices_file, folder / "repodata"], timeout=60)
        notices_file.unlink()
