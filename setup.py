# SPDX-License-Identifier: MIT
"""What is installed: packages, entry points and extras.

The base install is messages, client and command line; it must never pull in a database,
a solver or an image tool. Exact versions stand in requirements.lock (`make lock`).
"""

from setuptools import find_packages, setup

ROOMS = ["ondemand", "ondemand_web", "ondemand_consumer"]
DATA = ["py.typed", "**/*.html", "**/*.css", "**/*.js", "**/*.svg", "**/*.png", "**/*.ico", "**/*.woff2"]
DATA += ["**/*.txt", "**/*.toml", "**/*.json", "**/*.xml", "**/*.j2", "**/*.ks", "**/*.mako", "**/*.ini"]

BASE = [
    "fedora-messaging>=3.9",
    "pika>=1.2",  # under fedora-messaging, which declares no queue without consuming from it
    "pydantic>=2.7",
    "pydantic-settings>=2.3",
    "pykickstart>=3.52",
    "requests>=2.31",
    "rich>=13",
    "typer>=0.12",
    "urllib3>=1.26",
]
WEB = [
    "alembic>=1.13",
    "defusedxml>=0.7",
    "Flask>=3",
    "flask-openapi3>=4",
    "fsspec>=2024.2",
    "Jinja2>=3.1",
    "koji>=1.34",
    "libcomps>=0.1.20,!=0.1.24.post1",  # that release has neither sources nor wheels for Python before 3.14
    "Mako>=1.3",
    "prometheus-client>=0.20",
    "solv>=0.7.29",
    "SQLAlchemy>=2.0.30",
    "waitress>=3",
    "zstandard>=0.22",
]
BUILDER = ["createrepo_c>=1.1", "defusedxml>=0.7", "kiwi>=10.1", "requests>=2.31"]
POSTGRESQL = ["psycopg[binary]>=3.1"]  # with its C part, which a busy master feels
TEST = [
    "aiosmtpd>=1.4.6",
    "bodhi-messages>=26.4",
    "build>=1.2",
    "hypothesis>=6.100",
    "koji-fedoramessaging-messages>=1.3",
    "mypy>=1.10",
    *POSTGRESQL,
    "pyftpdlib>=2",
    "pytest>=8",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "ruff>=0.5",
    "setuptools>=77",
    "types-defusedxml",
    "types-docutils",
    "types-jsonschema",
    "types-python-dateutil",
    "types-PyYAML",
    "types-requests",
    "types-waitress",
    "wheel>=0.43",
]

setup(
    name="ondemand",
    version="0.1.0",
    description="Fedora images on demand, with exactly the builds you name",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(include=[pattern for room in ROOMS for pattern in (room, f"{room}.*")])
    + find_packages("plugins", include=["ondemand_plugins", "ondemand_plugins.*"]),
    package_dir={"ondemand_plugins": "plugins/ondemand_plugins"},
    package_data={"": DATA, "ondemand_web": ["migrations/**/*.py"]},
    install_requires=BASE,
    extras_require={"web": WEB, "builder": BUILDER, "postgresql": POSTGRESQL, "test": TEST},
    entry_points={
        "console_scripts": ["ondemand = ondemand.commands.main:main"],
        "ondemand.commands": [
            "serve = ondemand_web.commands:serve",
            "builder = ondemand_consumer.commands:builder",
        ],
        "fedora.messages": [
            "ondemand.build.requested.v1 = ondemand.messages:BuildRequestedV1",
            "ondemand.build.state.changed.v1 = ondemand.messages:BuildStateChangedV1",
            "ondemand.build.state.changed.v2 = ondemand.messages:BuildStateChangedV2",
            "ondemand.image.published.v1 = ondemand.messages:ImagePublishedV1",
            "ondemand.builder.joined.v1 = ondemand.messages:BuilderJoinedV1",
            "ondemand.builder.lost.v1 = ondemand.messages:BuilderLostV1",
            "ondemand.wish.decided.v1 = ondemand.messages:WishDecidedV1",
            "ondemand.build.wish.v1 = ondemand.messages:BuildWishV1",
            "ondemand.build.wish.answered.v1 = ondemand.messages:BuildWishAnsweredV1",
        ],
        "ondemand.backends": [
            "kiwi = ondemand_plugins.backends.kiwi:KiwiBackend",
            "dvd = ondemand_plugins.backends.dvd:DvdBackend",
            "livecd = ondemand_plugins.backends.livecd:LivecdBackend",
            "livemedia = ondemand_plugins.backends.livemedia:LivemediaBackend",
            "lorax = ondemand_plugins.backends.lorax:LoraxBackend",
            "lorax_dvd = ondemand_plugins.backends.lorax_dvd:LoraxDvdBackend",
            "remaster = ondemand_plugins.backends.remaster:RemasterBackend",
        ],
        "ondemand.sources": [
            "koji = ondemand_plugins.sources.koji_builds:KojiBuilds",
            "task = ondemand_plugins.sources.koji_tasks:KojiTasks",
            "tag = ondemand_plugins.sources.koji_tags:KojiTags",
            "package = ondemand_plugins.sources.packages:Packages",
            "upload = ondemand_plugins.sources.uploads:Uploads",
            "bodhi = ondemand_plugins.sources.bodhi_updates:BodhiUpdates",
        ],
        "ondemand.triggers": [
            "bodhi = ondemand_plugins.triggers.bodhi_events:BodhiEvents",
            "compose = ondemand_plugins.triggers.compose_events:ComposeEvents",
            "koji = ondemand_plugins.triggers.koji_events:KojiEvents",
            "other = ondemand_plugins.triggers.other_events:OtherEvents",
        ],
        "ondemand.storage": ["fsspec = ondemand_plugins.storage.fsspec_storage:FsspecStorage"],
        "ondemand.notifiers": ["mail = ondemand_plugins.notifiers.mail:MailNotifier"],
    },
)
