# SPDX-License-Identifier: MIT
"""What a build takes over from earlier ones: the root with its packages, and the initramfs. Without a cache: nothing.

Only packages of the release's own sources ever get into the cache; scripts, overlay and a user's own code come after.
"""

from __future__ import annotations

import contextlib
import errno
import json
import pathlib
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ondemand import errors, locks, plugins, references, settings, states
from ondemand_consumer import attempts, cache, layers, namespaces, root_store

Run = Callable[[plugins.Command, Sequence[str]], None]
"""Runs a command; the words of a program that goes before it are empty where there is none."""
FOLDER = "roots"
_MOST = 0.25
"""Share of the packages that an earlier root may differ in."""
_IMAGES = 3
_TIMEOUT = 60.0


def contents(lock: locks.Lock) -> dict[str, str] | None:
    """What is installed, `name.arch` -> which file; None where that says too little."""
    found = {f"{p.name}.{p.arch}": f"{p.nevra} {json.dumps(p.checksums, sort_keys=True)}" for p in lock.packages}
    return found if len(found) == len(lock.packages) else None


def storable(attempt: attempts.Attempt) -> bool:
    """Whether others may build on what this attempt makes: it holds no code of a user's own."""
    request = attempt.assignment.request
    return not (
        request.kickstart
        or request.kickstart_url
        or request.description
        or request.repositories
        or any(package.foreign or package.trust == "uploaded" or _own(package) for package in attempt.assignment.lock.packages)
    )


def _own(package: locks.LockedPackage) -> bool:
    try:
        return package.reference is not None and references.parse(package.reference).own_code
    except errors.UnknownReference:
        return True


def hindrance(builder: settings.Builder, work: pathlib.Path) -> str:
    """Why nothing that is made in `work` can be kept for later builds, as a clause; empty where it can, or is not wanted.

    Tried with an empty folder, since a whole root would be read for its digest before it turns out.
    """
    folder, name = builder.cache / FOLDER, f"probe-{secrets.token_hex(8)}"
    try:
        if builder.roots_limit > 0:
            folder.mkdir(parents=True, exist_ok=True)
            (work / name).mkdir()
            try:
                (work / name).rename(folder / name).rmdir()
            except OSError:
                (work / name).rmdir()
                raise
    except OSError as error:
        if error.errno == errno.EXDEV:
            return f"{folder} lies on another disk than {work}, and a root is moved there, never copied"
        return f"{folder} can't be used: {error}"
    return ""


class Reuse:
    """One attempt's use of the cache. `facts` is what the proof says of it."""

    def __init__(self, attempt: attempts.Attempt, run: Run) -> None:
        self._attempt = attempt
        self._run = run
        self._folder = attempt.settings.cache / FOLDER
        self._storable = storable(attempt)
        self._packages = contents(attempt.assignment.lock)
        self._wanted = attempt.settings.roots_limit > 0 and self._packages is not None
        self.facts: list[dict[str, Any]] = []

    @contextlib.contextmanager
    def root(self, root: plugins.Root | None) -> Iterator[Sequence[str]]:
        """The words that begin each of the plan's commands: over a prepared root where one is to be had, else none."""
        with contextlib.ExitStack() as stack:
            store = self._store(stack, root.key) if root else None
            words: Sequence[str] = ()
            if root and store and self._overlays():
                lower = self._earlier(store, root) or self._new(store, root)
                work = self._attempt.work
                words = layers.words(work / root.folder, work / "root-layers" / "upper", lower) if lower else ()
            yield words

    @contextlib.contextmanager
    def initramfs(self, wanted: plugins.Initramfs | None) -> Iterator[None]:
        """Lays earlier images out for the commands, and stores what they left."""
        with contextlib.ExitStack() as stack:
            store = self._store(stack, wanted.key) if wanted else None
            if not (wanted and store):
                yield
                return
            folder = self._attempt.work / wanted.folder
            for entry in store.entries()[:_IMAGES]:
                if entry.holds():
                    _lay_out(entry, folder / "earlier" / entry.folder.name)
                else:
                    self._bad(store, entry, "an initramfs")
            if self._storable:
                (folder / "made").mkdir(parents=True)
            yield
            self._take_in(store, folder)

    @property
    def sentence(self) -> str:
        """What was taken over, for people, after another sentence; empty for nothing."""
        if not self.facts:
            return ""
        names = " and ".join(f"the {fact['what']} of {fact['from']}" for fact in self.facts)
        return f" Used again: {names}, which saved {sum(fact['seconds_saved'] for fact in self.facts):.0f} seconds."

    def evict(self) -> None:
        """Holds the cache to its limits; no fault of that counts."""
        with contextlib.suppress(OSError):
            settings = self._attempt.settings
            root_store.evict(self._folder, settings.roots_limit, settings.roots_age)

    def _store(self, stack: contextlib.ExitStack, key: Mapping[str, Any]) -> root_store.Store | None:
        if not self._wanted:
            return None
        why = hindrance(self._attempt.settings, self._attempt.work)
        try:
            if not why:
                return stack.enter_context(root_store.opened(self._folder, key))
        except OSError as error:
            why = f"{self._folder} can't be used: {error}"
        self._wanted = False
        self._say(f"nothing is taken from earlier builds: {why}")
        return None

    def _overlays(self) -> bool:
        """Whether an overlay can be mounted here: not on every file system, nor in every container."""
        probe = self._attempt.folder / "overlay-probe"
        (probe / "lower").mkdir(parents=True, exist_ok=True)
        with self._attempt.open_log(states.Step.BUILD) as log:
            status = namespaces.run(
                ("true",),
                folder=self._attempt.folder,
                cwd=self._attempt.work,
                output=log,
                stop=self._attempt.stop,
                timeout=_TIMEOUT,
                first=layers.words(probe / "target", probe / "upper", [probe / "lower"]),
            )
        if status:
            self._say("nothing is taken from earlier builds: this machine mounts no overlay on the work folder")
        return status == 0

    def _earlier(self, store: root_store.Store, root: plugins.Root) -> list[pathlib.Path] | None:
        """The layers of the nearest earlier root, brought to this build's packages; None where none is right."""
        wanted = self._packages or {}
        entry = min(store.entries(), key=lambda entry: len(_differing(entry.about.packages, wanted)), default=None)
        names = _differing(entry.about.packages, wanted) if entry else set()
        if entry is None or len(names) > _MOST * len(wanted):
            return None
        began = time.monotonic()
        chain = store.chain(entry)
        if bad := [each for each in chain if not each.holds()]:
            for each in bad:
                self._bad(store, each, "a root")
            return None
        for each in chain:
            store.used(each)
        lower = [each.tree for each in chain]
        if names:
            upper = self._renewed(store, root, entry, names, lower)
            if upper is None:
                return None
            lower = [upper, *lower]
        saved = max(0.0, entry.about.seconds - (time.monotonic() - began))
        self._tell("root", entry, saved, f"{len(wanted)} packages, {len(names)} of them changed", packages_changed=len(names))
        return lower

    def _renewed(
        self, store: root_store.Store, root: plugins.Root, entry: root_store.Entry, names: set[str], lower: list[pathlib.Path]
    ) -> pathlib.Path | None:
        change = self._change(entry.about.packages or {}, names)
        commands = root.renew(change)
        if commands is None:
            self._say(f"the root is made anew: {', '.join(sorted(change.names)[:5])} differ, and such a package needs it")
            return None
        upper = self._attempt.work / "root-layers" / "renewed"
        try:
            seen = {folder: self._attempt.work / place for folder, place in root.mounts.items()}
            for command in commands:
                self._run(command, layers.words(self._attempt.work / root.folder, upper, lower, seen))
        except errors.ToolFailed as error:
            self._say(f"the root is made anew, since an earlier one could not be renewed: {error.sentence}")
            shutil.rmtree(upper, ignore_errors=True)
            return None
        deep = len(lower) >= root_store.DEPTH
        return upper if deep else self._keep(store, upper, seconds=entry.about.seconds, parent=entry.folder.name)

    def _new(self, store: root_store.Store, root: plugins.Root) -> list[pathlib.Path] | None:
        """A root from nothing, stored; None where it is of no use to others: then the tool makes it by itself."""
        if not self._storable:
            return None
        began = time.monotonic()
        for command in root.prepare:
            self._run(command, ())
        made = self._attempt.work / root.folder
        lower = self._attempt.work / "root-layers" / "prepared"
        lower.parent.mkdir(exist_ok=True)
        made.rename(lower)
        return [self._keep(store, lower, seconds=time.monotonic() - began, parent=None)]

    def _keep(self, store: root_store.Store, tree: pathlib.Path, *, seconds: float, parent: str | None) -> pathlib.Path:
        if not self._storable:
            return tree
        about = root_store.About(packages=self._packages, seconds=round(seconds, 1), parent=parent, by=self._by)
        try:
            return store.keep(tree, about)
        except OSError as error:
            self._say(f"this root is not kept for later builds: {error}")
            return tree

    def _change(self, have: Mapping[str, str], names: set[str]) -> plugins.Change:
        files = {f"{p.name}.{p.arch}": self._attempt.repository / p.filename for p in self._attempt.assignment.lock.packages}
        return plugins.Change(
            install=tuple(files[name] for name in sorted(names) if name in files),
            remove=tuple(name for name in sorted(names) if name in have and name not in files),
            names=frozenset(name.rpartition(".")[0] for name in names),
        )

    def _take_in(self, store: root_store.Store, folder: pathlib.Path) -> None:
        try:
            taken = json.loads((folder / "taken.json").read_text())
        except OSError:
            made = folder / "made"
            if self._storable and made.is_dir() and any(made.iterdir()):
                try:
                    seconds = json.loads((made / "about.json").read_text())["seconds"]
                    store.keep(made, root_store.About(parent=None, by=self._by, seconds=seconds))
                except (OSError, ValueError, KeyError, TypeError) as error:
                    self._say(f"this initramfs is not kept for later builds: {error}")
            return
        for entry in [each for each in store.entries() if each.folder.name == taken["entry"]]:
            store.used(entry)
            saved = max(0.0, entry.about.seconds - taken["seconds"])
            self._tell("initramfs", entry, saved, f"{taken['files']} files are the same")

    def _bad(self, store: root_store.Store, entry: root_store.Entry, what: str) -> None:
        self._say(f"{what} of {entry.about.by} is thrown away: its files, or what was noted of them, are not what was stored")
        store.drop(entry)

    def _tell(self, what: str, entry: root_store.Entry, saved: float, about: str, **more: int) -> None:
        self.facts.append({"what": what, "from": entry.about.by, "seconds_saved": round(saved, 1), **more})
        self._say(f"the {what} of {entry.about.by} is used again ({about}), which saves {saved:.0f} seconds")

    def _say(self, sentence: str) -> None:
        self._attempt.say(states.Step.BUILD, sentence)

    @property
    def _by(self) -> str:
        return f"build {self._attempt.assignment.build_id}"


def _differing(have: Mapping[str, str] | None, wanted: Mapping[str, str]) -> set[str]:
    have = have or {}
    return {name for name in {*have, *wanted} if have.get(name) != wanted.get(name)}


def _lay_out(entry: root_store.Entry, target: pathlib.Path) -> None:
    target.mkdir(parents=True)
    for path in entry.tree.iterdir():
        cache.place(path, target / path.name)
