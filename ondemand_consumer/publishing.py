# SPDX-License-Identifier: MIT
"""Step publish: checksum, package list, manifest, and all uploaded by offset. Stores nothing itself."""

from __future__ import annotations

import json
import pathlib
import re
import time

from ondemand import errors, kickstart_files, proofs, states
from ondemand_consumer import attempts, cache, fetching, master, rpm_headers

_STEP = states.Step.PUBLISH
_PIECE = 8 * 1024**2
_STORE_TIMEOUT = 7200.0
_DESCRIPTION = "description.tar"
_NAMES = {"CHECKSUM": "checksum", "packages.txt": "packages", "lock.json": "lock", _DESCRIPTION: "description"}
_FOREIGN = re.compile(r"[^A-Za-z0-9._+-]")
_PRODUCT = 80
"""Characters of a release's title that a file name takes."""
_ROLES = {".log": "log", ".png": "screenshot", ".ks": "kickstart", ".tar": "side"}


def image_name(attempt: attempts.Attempt) -> str:
    """The image's file name, as Fedora names its own: `<name or product>[-<variant>]-<Type>-<arch>-<version>-<build>.iso`.

    The product is the release's title without its version; only an installer has a variant.
    """
    request, release = attempt.assignment.request, attempt.assignment.release
    kind = {"dvd": "DVD"}.get(request.image_type.value, request.image_type.value.capitalize())
    product = re.sub(rf"\s+{re.escape(release.version)}$", "", release.title, flags=re.IGNORECASE)
    product = _FOREIGN.sub("-", product).strip("-._+")[:_PRODUCT] or release.name
    installer = release.definition(request.image_type).installer
    variant = installer.variant if installer else ""
    words = [request.name or product, variant, kind, request.arch, release.version, str(attempt.assignment.build_id)]
    return _FOREIGN.sub("-", "-".join(filter(None, words))) + ".iso"


def collect(
    attempt: attempts.Attempt, image: pathlib.Path, files: tuple[fetching.Fetched, ...], booted: str
) -> tuple[proofs.Artifact, ...]:
    """Puts all that is published into `attempt.artifacts`; `booted` is the SHA-256 of what was booted."""
    folder, assignment = attempt.artifacts, attempt.assignment
    target = folder / image_name(attempt)
    image.rename(target)
    published = describe(target, "image")
    if published.sha256 != booted:
        raise errors.WrongDigest(
            "The image changed between its boot and its publication",
            cause="something else writes in the builder's work folder",
            remedy="let the operator look at that builder",
        )
    (folder / "CHECKSUM").write_text(checksum(published))
    (folder / "packages.txt").write_text(package_list(files))
    (folder / "lock.json").write_text(assignment.lock.model_dump_json(indent=1))
    if assignment.description is not None:
        (folder / _DESCRIPTION).write_bytes(assignment.description.archive())
    else:
        (folder / "build.ks").write_text(attempt.kickstart)
        (folder / "published.ks").write_text(
            kickstart_files.published_text(assignment.kickstart, assignment.release, assignment.build_id, assignment.lock)
        )
    for step in states.Step:
        if step is not _STEP and attempt.log(step).exists():
            cache.place(attempt.log(step), folder / f"{step.value}.log")
    others = [path for path in sorted(folder.iterdir()) if path != target]
    artifacts = [published]
    artifacts += [describe(path, _NAMES.get(path.name) or _ROLES[path.suffix]) for path in others]
    manifest = {
        "build": assignment.build_id,
        "attempt": assignment.attempt,
        "lock": assignment.lock.digest(),
        "files": [artifact.model_dump(mode="json") for artifact in artifacts],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return (*artifacts, describe(folder / "manifest.json", "manifest"))


def publish(
    attempt: attempts.Attempt, client: master.AttemptClient, artifacts: tuple[proofs.Artifact, ...]
) -> proofs.Proof:
    """Uploads all and waits until the master has them stored; raises errors.StorageFailed."""
    for artifact in artifacts:
        upload(attempt, client, artifact)
        attempt.say(_STEP, f"{artifact.name}: {artifact.size} bytes, SHA-256 {artifact.sha256}")
    names = {artifact.name for artifact in artifacts}
    addresses = wait(attempt, client, names, _STORE_TIMEOUT)
    attempt.say(_STEP, f"{len(names)} files are stored and were read back")
    return proofs.Proof(
        kind=proofs.ProofKind.PUBLISHED,
        held=True,
        how="The master stored every file and read it back with the size and digest that the builder sent.",
        facts={
            "sha256": {artifact.name: artifact.sha256 for artifact in artifacts},
            "urls": addresses,
        },
    )


def upload(attempt: attempts.Attempt, client: master.AttemptClient, artifact: proofs.Artifact) -> None:
    """Sends one file in pieces, from where the master has it, and completes it."""
    offset = 0
    with (attempt.artifacts / artifact.name).open("rb") as file:
        while offset < artifact.size or artifact.size == 0:
            file.seek(offset)
            piece = file.read(_PIECE)
            offset = _send(attempt, client, artifact, offset, piece)
            if artifact.size == 0:
                break
    try:
        master.patiently(lambda: client.complete(artifact), attempt.stop)
    except errors.WrongDigest as error:
        raise errors.StorageFailed(
            f"{artifact.name} did not arrive whole", cause=f"the master says: {error}", remedy="the build is tried again"
        ) from error


def wait(
    attempt: attempts.Attempt, client: master.AttemptClient, names: set[str], patience: float
) -> dict[str, str]:
    """The addresses of completed files once all are stored, within `patience` s; raises errors.StorageFailed."""
    until, pause = time.monotonic() + patience, 0.1
    while time.monotonic() < until:
        found = master.patiently(client.artifacts, attempt.stop)
        for name in names & set(found):
            if found[name]["state"] == "failed":
                raise errors.StorageFailed(
                    f"{name} could not be stored",
                    cause=str(found[name].get("error") or "the storage gave no reason"),
                    remedy="the build is tried again; let the operator look at the storage",
                )
        if all(found.get(name, {}).get("state") == "stored" for name in names):
            return {name: str(found[name].get("url") or "") for name in sorted(names)}
        attempt.stop.sleep(pause)
        pause = min(pause * 1.5, 2.0)
    raise errors.StorageFailed(
        "The files were not stored in time", cause="the storage is slow", remedy="the build is tried again"
    )


def describe(path: pathlib.Path, role: str) -> proofs.Artifact:
    """The file as an artifact."""
    return proofs.Artifact(name=path.name, role=role, size=path.stat().st_size, sha256=rpm_headers.sha256(path))


def checksum(image: proofs.Artifact) -> str:
    """The CHECKSUM file, as Fedora writes it."""
    return f"# {image.name}: {image.size} bytes\nSHA256 ({image.name}) = {image.sha256}\n"


def package_list(files: tuple[fetching.Fetched, ...]) -> str:
    """A line for each package: NEVRA, origin, SHA-256 of its file."""
    rows = sorted((f.package.nevra, f.package.origin, f.sha256) for f in files)
    return "".join("\t".join(row) + "\n" for row in rows)


def _send(
    attempt: attempts.Attempt,
    client: master.AttemptClient,
    artifact: proofs.Artifact,
    offset: int,
    piece: bytes,
) -> int:
    try:
        return master.patiently(lambda: client.append_artifact(artifact.name, offset, piece), attempt.stop)
    except errors.OffsetMismatch as error:
        if error.size == offset or error.size > artifact.size:
            raise errors.StorageFailed(
                f"{artifact.name} can't be uploaded",
                cause=f"the master holds {error.size} bytes of it, of {artifact.size}",
                remedy="the build is tried again",
            ) from error
        return error.size
