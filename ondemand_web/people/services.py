# SPDX-License-Identifier: MIT
"""Who sent a request: people and builders by token. Tokens are kept as digests only."""

from __future__ import annotations

import hashlib
import secrets

import sqlalchemy as sa

from ondemand import errors, settings
from ondemand_web.database import Database, clock
from ondemand_web.people.models import Person
from ondemand_web.queue.models import Builder

# Made once: every request asks it.
_NAMED = {table: sa.select(table.name).where(table.token_hash == sa.bindparam("hash")) for table in (Person, Builder)}


def token_hash(token: str) -> str:
    """How tokens are kept: SHA-256 in hex; they are long and random, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def add_builder(database: Database, name: str, token: str | None = None) -> str:
    """Makes or renews a builder; gives its token, which is shown this once."""
    token = token or secrets.token_urlsafe(32)
    with database.writing() as session:
        builder = session.get(Builder, name)
        if builder is None:
            session.add(Builder(name=name, token_hash=token_hash(token), created_at=clock(session)))
        else:
            builder.token_hash = token_hash(token)
    return token


def add_person(database: Database, name: str) -> str:
    """Makes or renews a person; gives the token, which is shown this once."""
    token = secrets.token_urlsafe(32)
    with database.writing() as session:
        person = session.get(Person, name)
        if person is None:
            session.add(Person(name=name, token_hash=token_hash(token), created_at=clock(session)))
        else:
            person.token_hash = token_hash(token)
    return token


def owner(database: Database, authorization: str | None, master: settings.Master) -> str:
    """The owner who speaks; raises errors.NotAuthenticated."""
    if authorization is None and master.anonymous_owner:
        return master.anonymous_owner
    name = known(database, authorization)
    if name is None:
        raise errors.NotAuthenticated(
            "The service does not know who you are",
            cause="the Authorization header is missing or its token is not known",
            remedy="send `Authorization: Bearer TOKEN` with the token that the operator gave you",
        )
    return name


def known(database: Database, authorization: str | None) -> str | None:
    """The person whose token it is, if any."""
    return _by_token(database, authorization, Person)


def builder(database: Database, authorization: str | None) -> str:
    """The builder that speaks; raises errors.NotAuthenticated."""
    name = _by_token(database, authorization, Builder)
    if name is None:
        raise errors.NotAuthenticated(
            "The service does not know this builder",
            cause="its token is missing or wrong",
            remedy="set `[builder] token` to what `ondemand serve --add-builder NAME` printed",
        )
    return name


def may_bring_own_code(owner_name: str, master: settings.Master) -> bool:
    """Whether the owner's requests may run code of their own as root on a builder."""
    return owner_name in master.own_code


def require_operator(owner_name: str, master: settings.Master) -> None:
    """Refuses whoever may not pause and resume trigger rules; raises errors.NotPermitted."""
    if owner_name not in master.operators:
        raise errors.NotPermitted(
            f"{owner_name} may not pause or resume trigger rules",
            cause="the setting master.operators does not name him",
            remedy="ask the operator",
        )


def _by_token(database: Database, authorization: str | None, table: type[Person] | type[Builder]) -> str | None:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    with database.asking() as session:
        return session.connection().execute(_NAMED[table], {"hash": token_hash(token)}).scalar()
