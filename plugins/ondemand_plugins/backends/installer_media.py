# SPDX-License-Identifier: MIT
"""Makes an installation DVD or a remastered boot ISO out of a finished boot.iso; a plan of `dvd`, `lorax_dvd` or `remaster` runs it.

`python -m ondemand_plugins.backends.installer_media JOB.json`, in the work folder. What fails ends it with «error: …».
"""

from __future__ import annotations

import hashlib
import pathlib
import sys

import pydantic

from ondemand_plugins.backends import boot_files, iso_files, media_files, runtime_packages, updates_image

KICKSTART = "ks.cfg"
"""The kickstart's place on the ISO."""
SIDE = "side"
"""The side repository's place on the ISO."""
_KNOWN_IMAGES = {"kernel": "images/pxeboot/vmlinuz", "initrd": "images/pxeboot/initrd.img", "efiboot.img": "images/efiboot.img"}
_PIECE = 1 << 20


class Wanted(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A package of a build that was asked for; `installed`: it is in the system that the kickstart installs."""

    nevra: str
    build: str
    rpm: pathlib.Path
    installed: bool


class About(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What a DVD says of itself; `time` in seconds since 1970 where boot.iso names none."""

    product: str
    version: str
    variant: str
    arch: str
    time: float


class Job(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What to make: `source` becomes `target`. With a `tree` it is a DVD, which then says `about` itself.

    `words` go to the kernel's command lines, `spoken` where the boot proof listens. `limit` is the medium's size in bytes, -1 for none.
    """

    source: pathlib.Path
    target: pathlib.Path
    label: str
    kickstart: pathlib.Path
    words: tuple[str, ...]
    spoken: tuple[str, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    tree: pathlib.Path | None = None
    about: About | None = None
    side: pathlib.Path | None = None
    medium: str = "none"
    limit: int = -1


Mapped = list[tuple[pathlib.Path, str]]


def main(path: str) -> int:
    """The exit status; the last line of standard output says what was made, or why not."""
    try:
        print(make(Job.model_validate_json(pathlib.Path(path).read_text("utf-8")), pathlib.Path("parts")))
    except (iso_files.IsoError, OSError) as error:
        print(f"error: {error}", flush=True)
        return 1
    return 0


def make(job: Job, work: pathlib.Path) -> str:
    """Makes the image; a sentence about it. `work` is a folder for parts. Raises iso_files.IsoError and OSError."""
    work.mkdir()
    held = iso_files.contents(job.source)
    mapped: Mapped = [(job.kickstart, KICKSTART)]
    words = job.words
    if job.tree is not None and job.about is not None:
        _tell_of_older(job, held, work)
        mapped += [(job.tree / name, name) for name in ("Packages", "repodata")]
        mapped += _descriptions(job, job.about, job.tree, held, work)
    elif given := _given_to_installer(job, held, work):
        updates_image.write(given, work / "updates.img")
        mapped.append((work / "updates.img", updates_image.PLACE))
        words = (*words, f"inst.updates=hd:LABEL={job.label}:/{updates_image.PLACE}")
    if job.side is not None:
        mapped.append((job.side, SIDE))
        words = (*words, f"inst.addrepo={SIDE},hd:LABEL={job.label}:/{SIDE}")
    efi = _edit(job, held, words, mapped, work)
    part = held.records.efi_partition()
    iso_files.changed_copy(job.source, job.target, job.label, mapped, (part[0], efi) if efi and part else None)
    _check(job, held, efi, work)
    iso_files.implant_checksum(job.target)
    return f"made {job.target.name} of {job.target.stat().st_size} bytes, label {job.label}, every boot record as before"


def _given_to_installer(job: Job, held: iso_files.Contents, work: pathlib.Path) -> list[pathlib.Path]:
    """The RPMs that the running installer gets as updates; raises iso_files.IsoError for a build that would be ignored."""
    if not job.wanted:
        return []
    (work / "runtime").mkdir()
    runtime = runtime_packages.read(job.source, held, work / "runtime")
    print(f"the installer of {held.label} is made of {len(runtime)} packages")
    given, used = [], {package.build for package in job.wanted if package.installed}
    for package in job.wanted:
        own = runtime.get(runtime_packages.split(package.nevra))
        if own is None:
            continue
        used.add(package.build)
        if own == package.nevra:
            continue
        if why := updates_image.impurity(package.rpm):
            raise iso_files.IsoError(
                f"{package.nevra} belongs to the installer itself, and the published boot.iso has {own}, which it can't "
                f"exchange because {why}; ask for an image whose installer is made anew (backend lorax), or leave that build out"
            )
        given.append(package.rpm)
        print(f"{package.nevra} goes to the installer as {updates_image.PLACE}, in the place of {own}")
    if ignored := sorted({package.build for package in job.wanted} - used):
        raise iso_files.IsoError(
            f"{', '.join(ignored)} would be ignored: neither the installer nor the system that the kickstart installs has any "
            "package of it; add one to add_packages to have it installed"
        )
    return given


def _tell_of_older(job: Job, held: iso_files.Contents, work: pathlib.Path) -> None:
    """Says which wanted packages the DVD installs while its installer runs with others."""
    if job.wanted:
        (work / "runtime").mkdir()
        runtime = runtime_packages.read(job.source, held, work / "runtime")
        for package in job.wanted:
            own = runtime.get(runtime_packages.split(package.nevra), package.nevra)
            if own != package.nevra:
                print(f"note: {package.nevra} is installed from the DVD; its installer itself runs with {own}")


def _descriptions(job: Job, about: About, tree: pathlib.Path, held: iso_files.Contents, work: pathlib.Path) -> Mapped:
    """`.treeinfo`, `.discinfo` and `media.repo`; boot.iso's own `.discinfo` stays, since its installer may look for it."""
    stage2 = next((name for name in runtime_packages.STAGE2 if name in held.files), "")
    images = {name: path for name, path in _KNOWN_IMAGES.items() if path in held.files}
    checksums = {path: _sha256(job.source, held.extents.get(path)) for path in filter(None, (stage2, *images.values()))}
    checksums["repodata/repomd.xml"] = hashlib.sha256((tree / "repodata" / "repomd.xml").read_bytes()).hexdigest()
    old = iso_files.read(job.source, held.extents[".discinfo"]).decode("utf-8", "replace") if ".discinfo" in held.extents else ""
    media_id = (old.splitlines() or [""])[0].strip()
    medium = media_files.Medium(
        product=about.product,
        short=about.product,
        version=about.version,
        variant=about.variant,
        arch=about.arch,
        time=_number(media_id, about.time),
        stage2=stage2,
        images=images,
        checksums=checksums,
    )
    texts = {".treeinfo": media_files.treeinfo(medium), "media.repo": media_files.media_repo(medium, media_id or f"{medium.time:f}")}
    if not media_id:
        texts[".discinfo"] = media_files.discinfo(medium)
    return [_written(work / f"said-{name.lstrip('.')}", name, text) for name, text in texts.items()]


def _edit(job: Job, held: iso_files.Contents, words: tuple[str, ...], mapped: Mapped, work: pathlib.Path) -> pathlib.Path | None:
    """Edits every boot configuration, on the ISO and in its EFI image, which is given if there is one."""
    if not held.records.images:
        raise iso_files.IsoError(f"{job.source.name} has no boot record: it is no boot.iso")
    found = [name for name in boot_files.PLACES if name in held.extents]
    texts = {name: iso_files.read(job.source, held.extents[name]).decode("utf-8", "replace") for name in found}
    if not any(map(boot_files.starts_installer, texts.values())):
        places = ", ".join(boot_files.PLACES)
        raise iso_files.IsoError(f"{job.source.name} has no boot configuration that starts an installer (looked for {places})")
    for number, (name, text) in enumerate(texts.items()):
        mapped.append(_written(work / f"boot-{number}", name, boot_files.edited(text, job.label, words, job.spoken)))
        print(f"boot configuration {name}")
    if held.records.efi is None:
        return None
    efi = work / "efiboot.img"
    iso_files.efi_image(job.source, held, efi)
    for name in _configurations(efi):
        text = boot_files.edited(iso_files.fat_read(efi, name), job.label, words, job.spoken)
        iso_files.fat_write(efi, name, _written(work / "boot-efi", name, text)[0])
        print(f"boot configuration {name} in the EFI image")
    if held.records.efi.path:
        mapped.append((efi, held.records.efi.path))
    return efi


def _configurations(efi: pathlib.Path) -> list[str]:
    known = {name.lower() for name in boot_files.PLACES}
    return [name for name in iso_files.fat_files(efi) if name.lower() in known]


def _check(job: Job, held: iso_files.Contents, efi: pathlib.Path | None, work: pathlib.Path) -> None:
    """Reads what was made: boot records as before, one label everywhere, no larger than the medium. Raises iso_files.IsoError."""
    made = iso_files.contents(job.target)
    if made.records != held.records:
        raise iso_files.IsoError(f"the boot records changed from {held.records} to {made.records}")
    found = [name for name in boot_files.PLACES if name in made.extents]
    texts = [iso_files.read(job.target, made.extents[name]).decode("utf-8", "replace") for name in found]
    if efi is not None:
        again = work / "efiboot.made"
        iso_files.efi_image(job.target, made, again)
        if again.read_bytes()[: efi.stat().st_size] != efi.read_bytes():
            raise iso_files.IsoError("the EFI image did not get onto the ISO as it was edited")
        texts += [iso_files.fat_read(again, name) for name in _configurations(again)]
    if other := set().union(*map(boot_files.labels, texts)) - {job.label}:
        raise iso_files.IsoError(f"boot configurations look for {', '.join(sorted(other))} instead of {job.label}")
    if made.label != job.label:
        raise iso_files.IsoError(f"the ISO's label is «{made.label}» instead of «{job.label}»")
    if (size := job.target.stat().st_size) > job.limit >= 0:
        raise iso_files.IsoError(
            f"the image has {size} bytes, and a medium «{job.medium}» holds {job.limit}; "
            "ask for fewer packages, or let the operator choose a larger medium"
        )


def _written(path: pathlib.Path, name: str, text: str) -> tuple[pathlib.Path, str]:
    path.write_text(text, "utf-8")
    return path, name


def _sha256(iso: pathlib.Path, extent: iso_files.Extent | None) -> str:
    if extent is None:
        raise iso_files.IsoError(f"a file of {iso.name} does not lie in one piece")
    digest, left = hashlib.sha256(), extent.size
    with iso.open("rb") as file:
        file.seek(extent.start)
        while left > 0 and (piece := file.read(min(left, _PIECE))):
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()


def _number(text: str, otherwise: float) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
