"""The routers of the pages, one module a page."""

from aggregator.web import (
    buyer_links,
    capacity,
    capacity_factory,
    factories,
    factory_import,
    floor,
    language,
    match_new,
    match_page,
    matches,
    my_orders,
    order_ledger_files,
    order_page,
    orders,
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
    factory_import.router,
    matches.router,
    match_new.router,
    match_page.router,  # behind the others: any id takes their place
    buyer_links.router,
    my_orders.router,
    orders.router,
    order_page.router,
    order_ledger_files.router,
    stream.router,
    sign_in.router,
    language.router,
    static_files.router,
)
