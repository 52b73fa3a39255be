# SPDX-License-Identifier: MIT
"""The command `check`: whether an image could be made, without making one."""

from __future__ import annotations

from ondemand import build_requests
from ondemand.builds import CheckRecord
from ondemand.commands import options, output


def check(
    references: options.References = None,
    release: options.Release = "",
    image_type: options.ImageType = "live",
    arch: options.Arch = "x86_64",
    add: options.Add = None,
    remove: options.Remove = None,
    add_group: options.AddGroup = None,
    remove_group: options.RemoveGroup = None,
    preset: options.Preset = "",
    kickstart: options.Kickstart = "",
    description: options.Description = "",
    description_profile: options.DescriptionProfile = "",
    repository: options.Repository = None,
    repository_key: options.RepositoryKey = None,
    backend: options.Backend = "",
    as_json: options.Json = False,
) -> None:
    """Say whether an image could be made and where each wanted package would come from; makes none."""
    client = options.client()
    request = build_requests.validate(
        {
            "release": options.release(release, references or (), client),
            "image_type": image_type,
            "arch": arch,
            "builds": references or [],
            "add_packages": add or [],
            "remove_packages": remove or [],
            "add_groups": add_group or [],
            "remove_groups": remove_group or [],
            "preset": preset or None,
            "backend": backend or None,
            **options.kickstart(kickstart),
            **options.description(description, description_profile),
            "repositories": options.repositories(repository, repository_key),
        }
    )
    found = client.check(request)
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    for line in lines(found):
        output.console.print(line)


def lines(found: CheckRecord) -> list[str]:
    """What a person is told."""
    head = f"It can be made with {found.backend}: {found.packages} packages"
    told = [f"{head}, {found.download_size / 1e6:.0f} MB to fetch, {found.installed_size / 1e6:.0f} MB installed."]
    if found.side:
        told.append(f"The side repository has {found.side} more of the wanted builds' packages, which the image does not need.")
    told += output.wanted(found.wanted)
    return told + [f"warning: {warning}" for warning in found.warnings]


COMMANDS = {"check": check}
