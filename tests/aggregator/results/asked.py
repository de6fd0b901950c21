"""What a dashboard asks for: a statement in, rows as they would be drawn out."""

from typing import Any

from aggregator.store.influx.server import Server

Row = dict[str, Any]


def asked(server: Server, bucket: str, fields: str, rest: str) -> list[Row]:
    """Return every row of `SELECT fields FROM rest`: its time, fields and tags."""
    names = [part.split(" AS ")[-1].strip().strip('"') for part in fields.split(",")]
    found = []
    for tags, rows in server.series(bucket, f"SELECT {fields} FROM {rest}"):
        for at_ms, *values in rows:
            found.append({"at_ms": at_ms, **tags, **dict(zip(names, values, strict=True))})
    return found
