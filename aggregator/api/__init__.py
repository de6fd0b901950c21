"""The routers of the API, one module a resource."""

from aggregator.api import health, machines, utilization, windows

ROUTERS = (machines.router, windows.router, utilization.router, health.router)
