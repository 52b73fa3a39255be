# SPDX-License-Identifier: MIT
"""Reading and changing sets. Every change is a new version; the one before stays as it was."""

from __future__ import annotations

import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy import orm

from ondemand import errors, settings
from ondemand.reference_sets import SetChange, SetRecord
from ondemand_web.database import Database, clock
from ondemand_web.sets.models import ReferenceSet, SetVersion


def get(session: orm.Session, name: str, version: int | None = None) -> SetRecord:
    """A version of a set, the newest by default; raises errors.UnknownSet."""
    held = session.get(ReferenceSet, name)
    if held is None or held.removed_at is not None:
        cause = "there is none of that name" if held is None else "it was removed"
        raise errors.UnknownSet(f"Set {name} can't be had", cause=cause, remedy="see the names with `ondemand set list`")
    found = session.get(SetVersion, (name, version or held.version))
    if found is None:
        raise errors.UnknownSet(
            f"Set {name} has no version {version}", remedy=f"name one up to {held.version}, or none for the newest"
        )
    return _record(held, found)


def every(session: orm.Session) -> list[SetRecord]:
    """The newest version of each set, by name."""
    join = sa.and_(SetVersion.name == ReferenceSet.name, SetVersion.version == ReferenceSet.version)
    query = sa.select(ReferenceSet, SetVersion).join(SetVersion, join).where(ReferenceSet.removed_at.is_(None))
    return [_record(held, version) for held, version in session.execute(query.order_by(ReferenceSet.name))]


def put(database: Database, name: str, change: SetChange, who: str, master: settings.Master) -> SetRecord:
    """Makes the set or its next version; raises errors.NotPermitted, and errors.StateConflict by `based_on`."""
    try:
        return _put(database, name, change, who, master)
    except sqlalchemy.exc.IntegrityError:
        # Another one made a set of that name at this moment: there was no row yet to wait for, and now there is.
        return _put(database, name, change, who, master)


def _put(database: Database, name: str, change: SetChange, who: str, master: settings.Master) -> SetRecord:
    with database.writing() as session:
        held = session.get(ReferenceSet, name, with_for_update=True)
        now = held.version if held is not None and held.removed_at is None else 0
        if held is not None and now:
            _allowed(held, who, master)
        if change.based_on not in (None, now):
            raise errors.StateConflict(
                f"Set {name} is at version {now}, not {change.based_on}",
                cause="somebody else changed it",
                remedy="read it again and repeat the change",
            )
        if held is None:
            held = ReferenceSet(name=name, owner=who, version=0)
            session.add(held)
        elif not now:
            held.owner, held.removed_at = who, None
        held.version += 1
        moment = clock(session)
        texts = list(change.references)
        made = SetVersion(name=name, version=held.version, references=texts, changed_by=who, changed_at=moment)
        session.add(made)
        session.flush()
        return _record(held, made)


def remove(database: Database, name: str, who: str, master: settings.Master) -> None:
    """Removes the set; its versions stay, so that no number comes twice. Raises errors.UnknownSet, errors.NotPermitted."""
    with database.writing() as session:
        get(session, name)
        held = session.get_one(ReferenceSet, name)
        _allowed(held, who, master)
        held.removed_at = clock(session)


def _allowed(held: ReferenceSet, who: str, master: settings.Master) -> None:
    if who != held.owner and who not in master.set_editors:
        raise errors.NotPermitted(
            f"{who} may not change set {held.name}",
            cause=f"it belongs to {held.owner}",
            remedy="ask its owner, or make a set of another name",
        )


def _record(held: ReferenceSet, version: SetVersion) -> SetRecord:
    return SetRecord(
        name=held.name,
        version=version.version,
        newest=held.version,
        owner=held.owner,
        references=tuple(version.references),
        changed_by=version.changed_by,
        changed_at=version.changed_at,
    )
