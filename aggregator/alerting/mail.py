"""A letter to one address by SMTP: goes out whole, or NotSent says why."""

import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from aggregator.alerting.letter import Letter, NotSent
from aggregator.config import Email

WITHIN_S = 20.0
"""So long the mail server may take for each answer."""


def send_mail(settings: Email, letter: Letter, to: str, at_ms: int) -> None:
    """Hand the letter to the mail server; blocks, raises NotSent."""
    try:
        password = _password(settings)
        with smtplib.SMTP(settings.host, settings.port, timeout=WITHIN_S) as server:
            if settings.starttls:
                server.starttls(context=ssl.create_default_context(cafile=settings.ca_file))
            if settings.user is not None:
                server.login(settings.user, password)
            server.send_message(made_mail(settings.sender, to, letter, at_ms))
    except smtplib.SMTPResponseException as error:
        # Of a refused sign-in servers may repeat what was said to them: only the number is kept.
        raise NotSent(f"{settings.host}:{settings.port} answered {error.smtp_code}") from None
    except smtplib.SMTPRecipientsRefused:
        raise NotSent(f"{settings.host}:{settings.port} does not take mail for {to}") from None
    except smtplib.SMTPException as error:
        raise NotSent(f"{settings.host}:{settings.port}: {type(error).__name__}") from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise NotSent(f"{settings.host}:{settings.port}: {reason}") from None


def made_mail(sender: str, to: str, letter: Letter, at_ms: int) -> EmailMessage:
    """Return the mail: UTF-8, the subject encoded as RFC 2047 says, the same Message-ID at every try."""
    mail = EmailMessage()
    mail["Subject"] = " ".join(letter.subject.split())
    mail["From"] = sender
    mail["To"] = to
    mail["Date"] = format_datetime(datetime.fromtimestamp(at_ms / 1000, UTC))
    mail["Message-ID"] = f"<{letter.key}@{_domain(sender)}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes in return
    mail.set_content(letter.text)
    return mail


def _domain(address: str) -> str:
    found = address.rpartition("@")[2].rstrip(">").strip()
    return found if found.isascii() and found else "machikoba.invalid"


def _password(settings: Email) -> str:
    if settings.password_file is None:
        return ""
    try:
        return settings.password_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise NotSent(f"alerts.email.password_file: {settings.password_file} cannot be read") from None
