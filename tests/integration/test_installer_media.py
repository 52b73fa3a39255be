# SPDX-License-Identifier: MIT
"""DVDs and remastered boot ISOs out of a small boot.iso laid out as lorax's: boot records, configurations, contents, refusals."""

from __future__ import annotations

import configparser
import os
import pathlib
import shutil
import subprocess
import sys

import createrepo_c
import pytest

from ondemand_plugins.backends import boot_files, installer_media, iso_files, updates_image
from tests import boot_iso_parts, builder_parts

LABEL = "New-dvd-7"
WORDS = ("console=ttyS0", f"inst.ks=hd:LABEL={LABEL}:/ks.cfg")
ABOUT = installer_media.About(product="Demo", version="1", variant="", arch="x86_64", time=0.0)


@pytest.fixture(params=["partition", "file"])
def boot_iso(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> pathlib.Path:
    """A boot.iso whose EFI image is a partition after the files, as lorax makes it now, or a file, as it did."""
    return boot_iso_parts.boot_iso(tmp_path, appended=request.param == "partition")


@pytest.fixture
def new_iso(tmp_path: pathlib.Path) -> pathlib.Path:
    """A boot.iso of today."""
    return boot_iso_parts.boot_iso(tmp_path)


def repository(folder: pathlib.Path, *rpms: pathlib.Path, below: str = "") -> pathlib.Path:
    """A repository of these RPMs, whose own folder may be `below` it."""
    (folder / below).mkdir(parents=True)
    for rpm in rpms:
        shutil.copy(rpm, folder / below)
    with createrepo_c.RepositoryWriter(str(folder)) as writer:
        writer.set_num_of_pkgs(len(rpms))
        for rpm in rpms:
            writer.add_pkg(createrepo_c.package_from_rpm(str(folder / below / rpm.name), location_href=str(pathlib.Path(below, rpm.name))))
    return folder


def made(source: pathlib.Path, **changes: object) -> pathlib.Path:
    """The image that the program makes of boot.iso; its parts lie beside it."""
    folder = source.parent / "work"
    folder.mkdir()
    (folder / "ks.cfg").write_text("lang C.UTF-8\n")
    values = {"source": source, "target": folder / "image.iso", "label": LABEL, "kickstart": folder / "ks.cfg", "words": WORDS}
    job = installer_media.Job.model_validate({**values, **changes})
    installer_media.make(job, folder / "parts")
    return job.target


def text(iso: pathlib.Path, name: str) -> str:
    """A small file of the ISO."""
    return iso_files.read(iso, iso_files.contents(iso).extents[name]).decode()


def wanted(rpm: pathlib.Path, *, installed: bool = True) -> dict[str, object]:
    """A wanted package that `rpm` is."""
    return {"nevra": rpm.name.removesuffix(".rpm"), "build": "the-build-1-1", "rpm": rpm, "installed": installed}


def test_every_boot_record_is_kept_and_every_configuration_has_the_new_label(boot_iso: pathlib.Path, tmp_path: pathlib.Path) -> None:
    iso = made(boot_iso)
    before, after = iso_files.contents(boot_iso), iso_files.contents(iso)
    assert after.records == before.records and [image.platform for image in after.records.images] == ["BIOS", "UEFI"]
    iso_files.efi_image(iso, after, tmp_path / "efi")
    texts = [text(iso, "boot/grub2/grub.cfg"), text(iso, "EFI/BOOT/grub.cfg"), iso_files.fat_read(tmp_path / "efi", "EFI/BOOT/grub.cfg")]
    assert len(set(texts)) == 1 and boot_files.labels(texts[0]) == {LABEL} and WORDS[1] in texts[0]
    assert iso_files.image_size(iso) == iso.stat().st_size, "the second partition table is not at the end"
    assert after.label == LABEL and text(iso, "ks.cfg") == "lang C.UTF-8\n"


def test_its_media_checksum_holds_and_tells_of_a_changed_byte(boot_iso: pathlib.Path) -> None:
    builder_parts.need("checkisomd5")
    iso = made(boot_iso)
    assert subprocess.run(("checkisomd5", iso), capture_output=True, check=False).returncode == 0
    place = iso_files.contents(iso).extents["images/install.img"].start
    with iso.open("r+b") as file:
        file.seek(place)
        file.write(b"changed")
    assert subprocess.run(("checkisomd5", iso), capture_output=True, check=False).returncode != 0


def test_a_dvd_has_the_tree_and_says_what_it_is(new_iso: pathlib.Path, tmp_path: pathlib.Path) -> None:
    rpm = builder_parts.make_rpm(tmp_path)
    tree = repository(tmp_path / "tree", rpm, below="Packages")
    iso = made(new_iso, tree=tree, about=ABOUT)
    held = iso_files.contents(iso)
    assert iso_files.read(iso, held.extents[f"Packages/{rpm.name}"]) == rpm.read_bytes()
    said = configparser.RawConfigParser()
    said.read_string(text(iso, ".treeinfo"))
    kernel = iso_files.read(iso, held.extents["images/pxeboot/vmlinuz"])
    assert said["checksums"]["images/pxeboot/vmlinuz"] == f"sha256:{boot_iso_parts.sha256(kernel)}"
    assert said["checksums"]["repodata/repomd.xml"] == f"sha256:{boot_iso_parts.sha256(text(iso, 'repodata/repomd.xml').encode())}"
    assert text(iso, ".discinfo").startswith("1700000000.000000\n") and "mediaid=1700000000.000000" in text(iso, "media.repo")


def test_a_remastered_iso_has_the_side_repository_and_names_it(new_iso: pathlib.Path, tmp_path: pathlib.Path) -> None:
    rpm = builder_parts.make_rpm(tmp_path)
    iso = made(new_iso, side=repository(tmp_path / "side", rpm), wanted=[wanted(rpm)])
    assert {f"side/{rpm.name}", "side/repodata/repomd.xml"} <= iso_files.contents(iso).files
    assert text(iso, "EFI/BOOT/grub.cfg").count(f"inst.addrepo=side,hd:LABEL={LABEL}:/side") == 2


def test_a_wanted_build_of_the_installer_s_own_is_refused_with_both_versions(tmp_path: pathlib.Path) -> None:
    source = boot_iso_parts.boot_iso(tmp_path, runtime=("ball-0:0.9-1.noarch",))
    rpm = builder_parts.make_rpm(tmp_path)
    with pytest.raises(iso_files.IsoError, match=r"ball-1-1.noarch belongs to the installer itself.* has ball-0.9-1.noarch"):
        made(source, wanted=[wanted(rpm)])


def test_one_that_the_installer_has_at_that_version_is_taken_from_it(tmp_path: pathlib.Path) -> None:
    source = boot_iso_parts.boot_iso(tmp_path, runtime=("ball-1-1.noarch",))
    made(source, wanted=[wanted(builder_parts.make_rpm(tmp_path), installed=False)])


def test_a_wanted_build_that_nobody_would_use_is_refused(new_iso: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with pytest.raises(iso_files.IsoError, match=r"the-build-1-1 would be ignored.*add one to add_packages"):
        made(new_iso, wanted=[wanted(builder_parts.make_rpm(tmp_path), installed=False)])


def test_an_installer_that_does_not_say_what_it_is_made_of_can_t_be_judged(tmp_path: pathlib.Path) -> None:
    source = boot_iso_parts.boot_iso(tmp_path, runtime=())
    with pytest.raises(iso_files.IsoError, match="neither lorax's list nor an RPM database"):
        made(source, wanted=[wanted(builder_parts.make_rpm(tmp_path))])


def test_pure_python_of_the_installer_s_own_goes_to_it_as_updates(new_iso: pathlib.Path, tmp_path: pathlib.Path) -> None:
    builder_parts.need("cpio")
    rpm = boot_iso_parts.python_rpm(tmp_path, "python3-simple", "2")
    iso = made(new_iso, wanted=[wanted(rpm, installed=False)])
    packed = iso_files.read(iso, iso_files.contents(iso).extents[updates_image.PLACE])
    (tmp_path / "root").mkdir()
    subprocess.run(("sh", "-c", "gzip -dc | cpio -id"), input=packed, cwd=tmp_path / "root", check=True, capture_output=True)
    assert next((tmp_path / "root").rglob("simple.py")).read_text() == "VERSION = 2\n"
    assert f"inst.updates=hd:LABEL={LABEL}:/images/updates.img" in text(iso, "boot/grub2/grub.cfg")


@pytest.mark.parametrize(("extra", "why"), [("/etc/simple.conf", "as /etc/simple.conf"), ("%post", "scripts")])
def test_a_package_that_is_more_than_python_modules_is_none(tmp_path: pathlib.Path, extra: str, why: str) -> None:
    assert why in updates_image.impurity(boot_iso_parts.python_rpm(tmp_path, "python3-simple", "2", extra))


def test_an_image_larger_than_its_medium_is_refused_by_its_true_size(new_iso: pathlib.Path) -> None:
    with pytest.raises(iso_files.IsoError, match="a medium «dvd» holds 1000000; ask for fewer packages"):
        made(new_iso, medium="dvd", limit=1_000_000)


@pytest.mark.parametrize("content", [b"", b"no iso" * 10_000])
def test_what_is_no_boot_iso_ends_the_program_with_one_line(tmp_path: pathlib.Path, content: bytes) -> None:
    builder_parts.need("xorriso")
    (tmp_path / "boot.iso").write_bytes(content)
    values = {"label": LABEL, "kickstart": "ks.cfg", "words": (), "source": tmp_path / "boot.iso", "target": tmp_path / "image.iso"}
    (tmp_path / "job.json").write_text(installer_media.Job.model_validate(values).model_dump_json())
    argv = (sys.executable, "-m", installer_media.__name__, "job.json")
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1 and done.stdout.startswith("error: ") and done.stdout.count("\n") == 1 and not done.stderr
