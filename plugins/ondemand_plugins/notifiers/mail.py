# SPDX-License-Identifier: MIT
"""Notifier `mail`: tells by SMTP how a build ended. Texts are templates in `config/mail`, one per final state."""

from __future__ import annotations

import datetime
import email.message
import email.policy
import email.utils
import hashlib
import pathlib
import smtplib
from typing import Any, ClassVar

import jinja2

from ondemand import errors, plugins, settings
from ondemand.builds import BuildRecord

TIMEOUT = 30.0
"""Seconds for each exchange with the server."""


class MailNotifier:
    """Sends one mail per final state and recipient; the Message-ID is the same for the same event."""

    sink: ClassVar[str] = "mail"

    def __init__(self, options: settings.Mail, templates: pathlib.Path) -> None:
        """`templates` holds `<state>.txt`, whose first line is `Subject: …`."""
        self._options = options
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(templates),
            autoescape=False,  # noqa: S701 (plain text, no HTML)
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def deliver(self, notice: plugins.Notice) -> None:
        """Hands the mail to the server; raises errors.DeliveryFailed."""
        mail = self.message(notice)
        try:
            with smtplib.SMTP(self._options.host, self._options.port, timeout=TIMEOUT) as server:
                if self._options.starttls:
                    server.starttls()
                if self._options.user:
                    server.login(self._options.user, self._options.password)
                server.send_message(mail)
        except (smtplib.SMTPException, OSError) as error:
            raise _failed(error, notice.recipient) from error

    def message(self, notice: plugins.Notice) -> email.message.EmailMessage:
        """The mail; raises errors.DeliveryFailed when the template can't be used."""
        build = BuildRecord.model_validate(notice.build)
        try:
            template = self._templates.get_template(f"{build.state.value}.txt")
            text = template.render(build=build, **_parts(build))
        except jinja2.TemplateError as error:
            raise errors.DeliveryFailed(
                "The mail could not be written",
                permanent=True,
                cause=f"the template for state {build.state.value} can't be used: {error}",
                remedy="correct it in the folder `mail` of the configuration",
            ) from error
        head, _, body = text.partition("\n")
        mail = email.message.EmailMessage(policy=email.policy.SMTP)
        mail["Subject"] = " ".join(head.removeprefix("Subject:").split())[:200]
        mail["From"] = self._options.sender
        mail["To"] = notice.recipient
        mail["Date"] = email.utils.format_datetime(datetime.datetime.now(datetime.UTC))
        domain = self._options.sender.rpartition("@")[2].rstrip(">") or "localhost"
        mail["Message-ID"] = f"<ondemand.{notice.event_id}.{_digest(notice.recipient)}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(body.lstrip("\n"))
        return mail


def _digest(recipient: str) -> str:
    return hashlib.sha256(recipient.encode()).hexdigest()[:16]


def _parts(build: BuildRecord) -> dict[str, Any]:
    def of(role: str) -> str | None:
        return next((file.url for file in build.artifacts if file.role == role), None)

    logs = [
        (step.step.value, f"{build.page}/logs/{last.number}/{step.step.value}")
        for last in build.attempts[-1:]
        for step in last.steps
    ]
    image = next((file for file in build.artifacts if file.role == "image"), None)
    return {"image": image, "checksum": of("checksum"), "screenshot": of("screenshot"), "logs": logs}


def _failed(error: Exception, recipient: str) -> errors.DeliveryFailed:
    codes: list[int] = []
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
    elif isinstance(error, smtplib.SMTPResponseException):
        codes = [error.smtp_code]
    if codes and all(code >= 500 for code in codes):
        return errors.DeliveryFailed(
            f"The mail to {recipient} was refused for good",
            permanent=True,
            cause=f"the mail server answered {codes[0]}",
            remedy="correct the address or the mail settings",
        )
    return errors.DeliveryFailed(
        f"The mail to {recipient} could not be sent",
        cause=f"the mail server is away or busy ({type(error).__name__})",
        remedy="it is tried again",
    )
