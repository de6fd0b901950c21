"""The routers of the pages, one module a page."""

from aggregator.web import floor, language, overview, sign_in, static_files, stream

ROUTERS = (
    overview.router,
    floor.router,
    stream.router,
    sign_in.router,
    language.router,
    static_files.router,
)
