"""A web server for Prometheus on loopback: each scrape computes the metrics anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ballast.errors import ConfigurationError
from resources.metrics import Metrics

DEFAULT_PORT = 9464
_LOOPBACK = "127.0.0.1"


@contextmanager
def serving(metrics: Metrics, port: int) -> Iterator[str]:
    """Serve metrics in a thread until the block ends; yields the address to scrape.

    Parameters
    ----------
    port : int
        0 takes any that is free.

    Raises
    ------
    ConfigurationError
        If the port is taken.
    """
    from prometheus_client import start_http_server

    try:
        server, thread = start_http_server(port, _LOOPBACK, metrics.registry())
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"the port cannot be used: {error}", where=f"--port {port}", remedy="Choose another."
        ) from error
    try:
        yield f"http://{_LOOPBACK}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
