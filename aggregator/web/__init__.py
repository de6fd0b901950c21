"""The routers of the pages, one module a page."""

from aggregator.web import (
    capacity,
    capacity_factory,
    factories,
    floor,
    language,
    overview,
    sign_in,
    static_files,
    stream,
)

ROUTERS = (
    overview.router,
    floor.router,
    capacity.router,
    capacity_factory.router,
    factories.router,
    stream.router,
    sign_in.router,
    language.router,
    static_files.router,
)
