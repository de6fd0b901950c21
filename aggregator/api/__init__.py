"""The routers of the API, one module a resource."""

from aggregator.api import capacity, health, machines, utilization, windows

ROUTERS = (machines.router, windows.router, utilization.router, capacity.router, health.router)
