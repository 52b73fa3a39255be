# SPDX-License-Identifier: MIT
"""OpenPGP keys made on the spot and RPMs signed with them.

The private keys live in a folder of their own and are gone when the distribution is made.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import os
import pathlib

from demo import processes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Key:
    """A key in its own keyring; `key_id` are Koji's eight digits, `long_id` is the fingerprint."""

    home: pathlib.Path
    long_id: str
    public: str

    @property
    def key_id(self) -> str:
        """The last eight digits of the fingerprint, in lower case."""
        return self.long_id[-8:].lower()


def _gpg(home: pathlib.Path, *words: str) -> str:
    return processes.run(["gpg", "--homedir", home, "--batch", "--no-tty", *words], timeout=120)


def make_key(home: pathlib.Path, owner: str) -> Key:
    """Make a key for `owner` in the new keyring folder `home`."""
    home.mkdir(mode=0o700, parents=True)
    mail = owner.split()[0].lower() + "@demo.invalid"
    _gpg(home, "--passphrase", "", "--quick-generate-key", f"{owner} <{mail}>", "rsa3072", "sign", "never")
    listing = _gpg(home, "--with-colons", "--list-keys")
    long_id = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
    return Key(home=home, long_id=long_id, public=_gpg(home, "--armor", "--export"))


def sign(key: Key, paths: collections.abc.Sequence[pathlib.Path]) -> None:
    """Sign the RPM files in place."""
    if not paths:
        return
    macros = {
        "_gpg_name": key.long_id,
        "__gpg": "/usr/bin/gpg",
        "_gpg_path": str(key.home),
        "_dbpath": str(key.home / "db"),
    }
    words = [word for name, value in macros.items() for word in ("--define", f"{name} {value}")]
    environment = {**os.environ, "GNUPGHOME": str(key.home)}
    processes.run(["rpmsign", "--addsign", *words, *paths], timeout=600, env=environment)


def close(key: Key) -> None:
    """End the key agent that gpg started for this keyring."""
    processes.run(["gpgconf", "--homedir", key.home, "--kill", "all"], timeout=30)
