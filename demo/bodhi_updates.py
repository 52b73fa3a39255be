# SPDX-License-Identifier: MIT
"""The JSON documents that Bodhi would give for the demo's updates.

Documents only; bodhi_server hands them out.
"""

from __future__ import annotations

import collections.abc
import datetime
import typing

from demo import builds

Document = dict[str, typing.Any]

_RELEASE = {
    "name": "DEMO",
    "long_name": "Ondemand Demo 1",
    "version": "1",
    "id_prefix": "DEMO",
    "branch": "demo",
    "dist_tag": "demo",
    "stable_tag": "demo-updates",
    "testing_tag": "demo-updates-testing",
    "candidate_tag": "demo-updates-candidate",
    "pending_signing_tag": "demo-signing-pending",
    "pending_testing_tag": "demo-updates-testing-pending",
    "pending_stable_tag": "demo-updates-pending",
    "override_tag": "demo-override",
    "mail_template": "fedora_errata_template",
    "state": "current",
    "composed_by_bodhi": True,
    "create_automatic_updates": False,
    "package_manager": "dnf",
    "testing_repository": "updates-testing",
    "released_on": None,
    "eol": None,
    "setting_status": None,
}

_SETTINGS: Document = {
    "requirements": "",
    "autokarma": False,
    "autotime": True,
    "stable_karma": 3,
    "unstable_karma": -3,
    "stable_days": 7,
    "karma": 0,
    "require_bugs": False,
    "require_testcases": False,
    "close_bugs": True,
    "locked": False,
}


def documents(updates: collections.abc.Sequence[builds.Update], when: datetime.datetime) -> dict[str, Document]:
    """Return the update objects by alias."""
    trust = {build.source.nvr: build.trust for build in builds.builds()}
    return {update.alias: _document(number, update, trust, when) for number, update in enumerate(updates)}


def _document(
    number: int,
    update: builds.Update,
    trust: collections.abc.Mapping[str, builds.Trust],
    when: datetime.datetime,
) -> Document:
    submitted = (when - datetime.timedelta(days=2)).strftime("%Y-%m-%d %H:%M:%S")
    pushed = submitted if update.status in ("testing", "stable") else None
    return {
        "alias": update.alias,
        "updateid": update.alias,
        "title": update.title,
        "display_name": "",
        "notes": update.notes,
        "type": update.kind,
        "status": update.status,
        "request": update.request,
        "severity": "unspecified",
        "suggest": "unspecified",
        "content_type": update.content_type,
        "builds": [
            {
                "nvr": nvr,
                "release_id": 1,
                "signed": trust.get(nvr) is builds.Trust.DISTRIBUTION,
                "type": update.content_type,
                "epoch": 0,
            }
            for nvr in update.nvrs
        ],
        "release": {**_RELEASE, "composes": []},
        "user": {"id": 1, "name": "packager", "email": None, "avatar": None, "openid": None, "groups": []},
        "url": f"https://demo.invalid/updates/{update.alias}",
        "from_tag": None,
        "critpath": False,
        "critpath_groups": "",
        "test_gating_status": "ignored",
        **_SETTINGS,
        "pushed": pushed is not None,
        "meets_testing_requirements": False,
        "date_submitted": submitted,
        "date_modified": None,
        "date_approved": None,
        "date_locked": None,
        "date_pushed": pushed,
        "date_testing": pushed,
        "date_stable": pushed if update.status == "stable" else None,
        "bugs": [],
        "comments": [],
        "test_cases": [],
        "compose": None,
        "side_tag_locked": False,
        "version_hash": f"{number:040x}",
    }
