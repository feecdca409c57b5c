"""Broadcasts for programs, through Redis: published on their channel, and kept in a stream for those who were away."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ballast.alerts import Broadcast
from resources.discretion import discreet_logs
from resources.redaction import Redaction
from resources.secrets import REDIS_VARIABLE

if TYPE_CHECKING:
    import redis

STREAM = "ballast:reconciliation"
_PATIENCE_SECONDS = 5
# In one step, so that a message that was sent just before this process died is not sent again. The mark comes last: a
# script that fails halfway is not rolled back.
_PUBLISH_ONCE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[4], '*',
           'message_id', ARGV[5], 'channel', ARGV[2], 'payload', ARGV[3])
redis.call('PUBLISH', ARGV[2], ARGV[3])
redis.call('SET', KEYS[1], '1', 'EX', ARGV[1])
return 1
"""


@dataclass(frozen=True)
class ProgramChannel:
    """The Redis server that programs listen to.

    Parameters
    ----------
    address : str or None
        `redis://`, `rediss://` or `unix://` URL; None when the variable is not set.
    redact : Redaction
        Removes secrets from what is said about a failure.
    stream_length : int
        Newest messages kept in the stream.
    remember : timedelta
        For how long a message is known to have been sent.
    """

    address: str | None = field(repr=False)
    redact: Redaction
    stream_length: int
    remember: timedelta

    def send(self, messages: Sequence[Broadcast]) -> list[str | None]:
        """Publish messages in their order; returns for each None when it was accepted, else why not."""
        import redis

        if not self.address:
            return [f"{REDIS_VARIABLE} is not set"] * len(messages)
        with discreet_logs(self.redact):
            try:
                with closing(self._connect()) as client:
                    answers = self._publish(client, messages)
            except (redis.RedisError, OSError, ValueError) as error:
                # ValueError: an address that is no URL of Redis.
                return [self._reason(error)] * len(messages)
        return [self._reason(a) if isinstance(a, Exception) else None for a in answers]

    def ask(self) -> str | None:
        """Return None when the server answers, else why not."""
        import redis

        with discreet_logs(self.redact):
            try:
                with closing(self._connect()) as client:
                    client.ping()
            except (redis.RedisError, OSError, ValueError) as error:
                return self._reason(error)
        return None

    def _publish(self, client: redis.Redis, messages: Sequence[Broadcast]) -> list[Any]:
        script = client.register_script(_PUBLISH_ONCE)
        with client.pipeline(transaction=False) as pipeline:
            for message in messages:
                script(
                    keys=[f"{STREAM}:sent:{message.message_id}", STREAM],
                    args=[
                        int(self.remember.total_seconds()),
                        message.channel,
                        message.payload,
                        self.stream_length,
                        message.message_id,
                    ],
                    client=pipeline,
                )
            return list(pipeline.execute(raise_on_error=False))

    def _connect(self) -> redis.Redis:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        return redis.Redis.from_url(
            self.address or "",
            socket_timeout=_PATIENCE_SECONDS,
            socket_connect_timeout=_PATIENCE_SECONDS,
            # The outbox tries again, later and from its own record.
            retry=Retry(NoBackoff(), 0),
        )

    def _reason(self, error: Exception) -> str:
        return self.redact(f"{type(error).__name__}: {error}")
