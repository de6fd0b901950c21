"""The routers of the API, one module a resource."""

from aggregator.api import (
    audit,
    capacity,
    days,
    drill,
    factories,
    health,
    jobs,
    machines,
    matches,
    orders,
    revisions,
    utilization,
    windows,
)

ROUTERS = (
    machines.router,
    windows.router,
    utilization.router,
    days.router,
    capacity.router,
    drill.router,  # before `matches`, whose ids would take its place
    matches.router,
    orders.router,
    revisions.router,
    jobs.router,
    audit.router,
    factories.router,
    health.router,
)
