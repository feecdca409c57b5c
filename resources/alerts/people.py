"""Alerts for people, through apprise: Discord, Telegram, Slack, mail and a hundred others."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ballast.alerts import Alert
from resources.discretion import discreet_logs
from resources.redaction import Redaction

_TYPES = {"info": "info", "warning": "warning", "critical": "failure"}
_LONGEST_ERROR = 500
# apprise reports why it failed only to its log, which all threads share.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class PeopleChannel:
    """One route to a person.

    Parameters
    ----------
    variable : str
        Environment variable that holds the address.
    address : str or None
        One URL as apprise understands it; None when the variable is not set.
    redact : Redaction
        Removes secrets from what is said about a failure.
    """

    variable: str
    address: str | None = field(repr=False)
    redact: Redaction

    def send(self, alert: Alert) -> str | None:
        """Send an alert; returns None when it was accepted, else why not."""
        if not self.address:
            return f"{self.variable} is not set"
        with _one_at_a_time, discreet_logs(self.redact) as warnings:
            try:
                problem = self._notify(self.address, alert)
            except Exception as error:  # noqa: BLE001
                # The services are plugins of many authors; whatever one of them raises, the run goes on.
                problem = f"{type(error).__name__}: {error}"
        if problem is None:
            return None
        return self.redact("; ".join([problem, *warnings]))[:_LONGEST_ERROR]

    def _notify(self, address: str, alert: Alert) -> str | None:
        # A quarter of a second to import: only where something is sent.
        import apprise

        asset = apprise.AppriseAsset(app_id="Ballast", app_desc="Ballast", async_mode=False)
        service = apprise.Apprise.instantiate(address, asset=asset)
        if not isinstance(service, apprise.NotifyBase):
            return f"{self.variable} holds no single address that apprise understands"
        # A text that is too long would be refused for ever.
        service.overflow_mode = apprise.OverflowMode.TRUNCATE
        services = apprise.Apprise(asset=asset)
        services.add(service)
        accepted = services.notify(
            body=alert.text or alert.title,
            title=alert.title,
            notify_type=apprise.NotifyType(_TYPES[alert.severity]),
            body_format=apprise.NotifyFormat.MARKDOWN,
        )
        return None if accepted else "the service did not accept it"
