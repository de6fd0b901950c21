"""Where the time series live: settings and the database in, the embedded home or InfluxDB out.

And where what is made of them is written back to, so that others plot the same numbers. InfluxDB's client is
loaded where it is asked for only: it takes half a second of every start.
"""

from sqlalchemy import Engine

from aggregator.config import Config
from aggregator.errors import ConfigError
from aggregator.store.embedded import Embedded
from aggregator.store.results import Results
from aggregator.store.timeseries import TimeSeries


def results_of(home: TimeSeries) -> Results | None:
    """Return where results worth plotting are written back to; None where nobody reads them."""
    if isinstance(home, Embedded):
        return None
    from aggregator.store.influx.influx import Influx

    return home.results if isinstance(home, Influx) else None


def open_home(config: Config, engine: Engine) -> TimeSeries:
    """Return the home that the settings name; nothing is asked of it yet. Raises ConfigError."""
    influx = config.influx
    if influx is None:
        return Embedded(engine)
    from aggregator.store.influx.influx import Influx
    from aggregator.store.influx.server import Place, Server

    try:
        token = influx.token_file.read_text("utf-8").strip()
    except OSError as error:
        raise ConfigError(
            f"influx.token_file: {influx.token_file}: cannot be read: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"influx.token_file: {influx.token_file}: is not UTF-8 text") from error
    if not token.isascii() or not token.isprintable() or not token:
        raise ConfigError(f"influx.token_file: {influx.token_file}: expected a token on one line")
    return Influx(Server(Place(influx.url.rstrip("/"), influx.org, token)), influx.bucket, influx.keep_days)
