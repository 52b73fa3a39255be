# SPDX-License-Identifier: MIT
"""Settings from one TOML file and the environment; every key is documented in docs/settings.md.

The file is named by ONDEMAND_CONF (default /etc/ondemand/ondemand.toml); ONDEMAND_<SECTION>__<KEY> wins over it.
"""

from __future__ import annotations

import ipaddress
import os
import pathlib
from collections.abc import Iterable
from typing import Annotated, Any

import pydantic
import pydantic_settings

from ondemand import errors
from ondemand.build_requests import Word

DEFAULT_FILE = pathlib.Path("/etc/ondemand/ondemand.toml")
Folder = pathlib.Path
Host = Annotated[str, pydantic.Field(pattern=r"^(\*\.)?[A-Za-z0-9:]([A-Za-z0-9.:-]*[A-Za-z0-9:])?$")]
Port = Annotated[int, pydantic.Field(ge=0, le=65535)]
Size = Annotated[int, pydantic.Field(ge=1, lt=2**62)]
AUTOMATIC = "trigger"
"""The owner of trigger rules that name none, whose share all owners of rules and bots have who are not named."""
Share = Annotated[float, pydantic.Field(ge=0.01, le=100)]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Section(pydantic.BaseModel):
    """A table of the file; an unknown key is an error."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class Master(Section):
    """The master: API, pages, dispatcher."""

    url: str = "http://127.0.0.1:8080"
    """Where people and builders reach the master; links in mails and messages begin with it."""
    token: str = ""
    """A person's token, for the command line."""
    host: str = "127.0.0.1"
    """The address it listens on."""
    port: Port = 8080
    """The port it listens on."""
    threads: int = 16
    """Requests served at once."""
    data: Folder = Folder("/var/lib/ondemand/master")
    """Folder for logs, uploads, snapshots and the SQLite database."""
    database: str = ""
    """SQLAlchemy URL; empty means SQLite in the data folder."""
    config: Folder = Folder("/etc/ondemand")
    """Folder that holds `releases/`, `presets/`, `triggers/` and `mail/`."""
    anonymous_owner: str = ""
    """Owner of requests that carry no token; empty means that a token is needed."""
    own_code: tuple[str, ...] = ()
    """Owners whose kickstarts may run scripts, who may upload RPMs, and whose requests may name those, scratch builds
    and other repositories: code run as root."""
    set_editors: tuple[str, ...] = ()
    """Owners who may change everybody's sets."""
    wishers: tuple[str, ...] = ()
    """Owners, such as the trigger's own, whose messages may order by the trigger rules, and who bring orders."""
    operators: tuple[str, ...] = ()
    """Owners who may pause and resume trigger rules, and remove everybody's uploaded RPMs."""
    wish_days: int = pydantic.Field(default=30, ge=1, le=3650)
    """Days that a message and what became of it are kept; what still waits then is canceled."""
    event_days: int = pydantic.Field(default=180, ge=1, le=3650)
    """Days that the events of what has ended, their deliveries, and refusals of orders are kept; builds stay."""
    repository_hosts: tuple[Host, ...] = ()
    """Hosts (`repo.example.org`, `*.example.org`) from which a request's own repositories may come; none by default."""
    kickstart_hosts: tuple[Host, ...] = ()
    """Hosts from which a request's own kickstart may be fetched; none by default."""
    private_networks: tuple[Network, ...] = ()
    """Networks (`10.1.0.0/16`) in which such a repository or kickstart may be although its address is not public."""
    read_every: float = 300.0
    """Seconds between two readings of the releases' repositories, for checks that make no build."""
    metadata_age: float = 24 * 3600.0
    """Seconds for which a release's repository that can't be read now is taken as it was; the lock says so."""
    max_upload: int = 20 * 1024**3
    """Bytes that one artifact may have."""
    max_rpm: Size = 1024**3
    """Bytes that one uploaded RPM may have."""
    uploads_per_owner: Size = 10 * 1024**3
    """Bytes that one owner's uploaded RPMs may have together."""
    uploads_in_all: Size = 50 * 1024**3
    """Bytes that all uploaded RPMs may have together."""
    keep_uploads: Annotated[int, pydantic.Field(ge=1, le=3650)] = 14
    """Days that an uploaded RPM is kept after its last use; one that an unfinished build names is kept longer."""


class Queue(Section):
    """Leases and retries."""

    lease: float = 60.0
    """Seconds without a beat after which an attempt is lost."""
    beat: float = 15.0
    """Seconds between two beats."""
    attempts: int = 3
    """Attempts a build may have."""
    poll: float = 15.0
    """Seconds between two claims of a builder that nobody wakes."""
    shares: dict[str, Share] = {AUTOMATIC: 0.25}
    """Of the builders' time, by owner; who is not named has 1.0. With 0.25 four builds of a person's go for one."""

    def sharing(self, automatic: Iterable[str]) -> Queue:
        """The same, with shares for owners who order by rule or message and are not named."""
        share = self.shares.get(AUTOMATIC, 0.25)
        return self.model_copy(update={"shares": {**dict.fromkeys((AUTOMATIC, *automatic), share), **self.shares}})


class Bus(Section):
    """The message bus."""

    config: Folder | None = None
    """fedora-messaging configuration file of the master; without one nothing is published."""


class Builder(Section):
    """A build node."""

    name: str = ""
    """The builder's name; empty means the host's name."""
    token: str = ""
    """Its secret, printed by `ondemand serve --add-builder NAME`."""
    work: Folder = Folder("/var/lib/ondemand/builder")
    """Folder for attempts; swept at the builder's start."""
    cache: Folder = Folder("/var/cache/ondemand")
    """Folder of RPMs by digest."""
    cache_limit: int = 20 * 1024**3
    """Bytes that the cache may hold; the longest unused go first."""
    roots_limit: int = 20 * 1024**3
    """Bytes that prepared roots and initramfs images in the cache may have; 0 means that none are kept or used."""
    roots_age: float = 14.0
    """Days after which one that no build used goes."""
    disk_reserve: int = 2 * 1024**3
    """Bytes that a build must leave free on the work folder's disk."""
    bell: Folder = Folder("/run/ondemand/bell.sock")
    """Socket on which the doorbell wakes the builder."""
    memory: int = 2048
    """MiB for the virtual machine that boots the image."""
    boot_timeout: float = 420.0
    """Seconds in which the image must have booted."""
    tool_memory: Annotated[int, pydantic.Field(ge=0)] = 0
    """MiB that the image tool's processes may use together; 0 means nine tenths of the machine's memory."""
    tool_processes: Annotated[int, pydantic.Field(ge=16)] = 4096
    """Processes that the image tool may run at once."""
    log_size: Annotated[int, pydantic.Field(ge=2 * 1024**2, le=192 * 1024**2)] = 64 * 1024**2
    """Bytes of a step's log that are kept of a tool's output, from its beginning; its last MiB is kept beside."""
    fetch_parallel: int = 8
    """RPMs fetched at once."""
    private_networks: tuple[Network, ...] = ()
    """As the master's: networks from which the RPMs of a request's own repositories may come, though not public."""


class StorageSettings(Section):
    """Where artifacts go."""

    plugin: str = "fsspec"
    """Storage plugin."""
    url: str = ""
    """fsspec URL of the folder (`file:///…`, `ftp://user:password@host/…`); empty means the master's data folder."""
    public_url: str = ""
    """Address at which people reach that folder; empty means through the master."""


class Mail(Section):
    """Mail to those whom a request names."""

    host: str = ""
    """SMTP server; empty means that no mail is sent."""
    port: Port = 25
    """Its port."""
    sender: str = "ondemand@localhost"
    """The From address."""
    starttls: bool = False
    """Whether to encrypt with STARTTLS."""
    user: str = ""
    """User for SMTP AUTH; empty means none."""
    password: str = ""
    """Password for SMTP AUTH."""


class Bot(Section):
    """A bot that may order by message."""

    owner: Word
    """Who owns its builds; not one of `master.own_code`."""
    hourly: Annotated[int, pydantic.Field(ge=1, le=1000)] = 10
    """Builds that it may order in an hour."""
    secret: Annotated[str, pydantic.Field(pattern=r"^([!-~]{32,200})?$")] = ""
    """What its messages are proven with; empty means that any sender is believed to be the bot."""


class Orders(Section):
    """Orders by message."""

    bots: dict[Word, Bot] = {}
    """The bots that may, by name; empty means none."""


class Settings(pydantic_settings.BaseSettings):
    """All settings; see the sections."""

    model_config = pydantic_settings.SettingsConfigDict(
        env_prefix="ONDEMAND_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )
    master: Master = Master()
    queue: Queue = Queue()
    bus: Bus = Bus()
    builder: Builder = Builder()
    storage: StorageSettings = StorageSettings()
    mail: Mail = Mail()
    orders: Orders = Orders()

    @pydantic.model_validator(mode="after")
    def _no_own_code(self) -> Settings:
        """The bus doesn't prove who sent, so nothing that it brings may run as root on a builder."""
        if wrong := [name for name, bot in self.orders.bots.items() if bot.owner in self.master.own_code]:
            raise ValueError(f"orders.bots.{wrong[0]}.owner is one of master.own_code; give the bot an owner of its own")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[pydantic_settings.BaseSettings],
        init_settings: pydantic_settings.PydanticBaseSettingsSource,
        env_settings: pydantic_settings.PydanticBaseSettingsSource,
        dotenv_settings: pydantic_settings.PydanticBaseSettingsSource,
        file_secret_settings: pydantic_settings.PydanticBaseSettingsSource,
    ) -> tuple[pydantic_settings.PydanticBaseSettingsSource, ...]:
        """Environment before file before defaults."""
        file = pydantic_settings.TomlConfigSettingsSource(settings_cls, conf_file())
        return (init_settings, env_settings, file)

    @property
    def database_url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.master.database or f"sqlite:///{self.master.data / 'ondemand.sqlite'}"

    @property
    def storage_url(self) -> str:
        """The storage folder's fsspec URL."""
        return self.storage.url or f"file://{self.master.data / 'artifacts'}"


def conf_file() -> pathlib.Path:
    """The settings file that holds for this process; it need not exist."""
    return pathlib.Path(os.environ.get("ONDEMAND_CONF") or DEFAULT_FILE)


def load(**overrides: Any) -> Settings:
    """The settings of this process; raises errors.InvalidRequest that names the wrong keys, but no value: it may be secret."""
    try:
        return Settings(**overrides)
    except pydantic.ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)
        raise _unusable("; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in wrong)) from error
    except ValueError as error:
        raise _unusable(" ".join(str(error).split())) from error
    except OSError as error:
        private = "it is not for this user, as it may hold the service's secrets"
        raise errors.InvalidRequest(
            f"The settings file {conf_file()} can't be read",
            cause=private if isinstance(error, PermissionError) else f"of «{error.strerror}»",
            remedy="set ONDEMAND_CONF to a file of your own, or to /dev/null and the settings in the environment",
        ) from error


def make_folder(path: pathlib.Path, key: str) -> None:
    """Makes the folder that the setting `key` names; raises errors.CannotStart."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.CannotStart(
            f"The folder {path} can't be made",
            cause=f"of «{error.strerror}» at {error.filename}",
            remedy=f"set {key} to a folder that this user may write to",
        ) from error


def _unusable(why: str) -> errors.InvalidRequest:
    return errors.InvalidRequest(
        f"The settings in {conf_file()} or the environment can't be used",
        cause=why[:600],
        remedy="correct the named keys; docs/settings.md describes each",
    )
