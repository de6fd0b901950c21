"""`/healthz`, `/readyz` and `/metrics`: for supervisors and Prometheus; nothing of any one factory."""

from fastapi import APIRouter, Response
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel, Field

from agent.contract.states import STATES
from aggregator.api.caller import Found
from aggregator.services import Services

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: str = Field("ok", examples=["ok"])


class Readiness(BaseModel):
    """Whether records flow from the broker into the store, and why not."""

    ready: bool
    reasons: list[str] = Field(description="One sentence each; empty when ready")
    warnings: list[str] = Field(description="What works today and will not for long: certificates that end")


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> Health:
    """200 as long as the process answers; it says nothing about broker and store."""
    return Health(status="ok")


@router.get(
    "/readyz",
    responses={503: {"model": Readiness, "description": "Not ready; `reasons` says why"}},
    summary="Do records flow?",
)
async def readyz(found: Found, response: Response) -> Readiness:
    """200 when broker and store work, else 503 with the reasons."""
    status = found.status
    reasons = []
    if not status.broker_connected:
        reasons.append(status.broker_error or "not connected to the MQTT broker yet")
    if not status.store_ok:
        reasons.append(status.store_error or "the store does not answer")
    if reasons:
        response.status_code = 503
    return Readiness(ready=not reasons, reasons=reasons, warnings=list(status.warnings))


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
async def metrics(found: Found) -> Response:
    """Prometheus text: machines by state, how ingest is doing, what it counted, and the process itself."""
    text = generate_latest(_registry(found)) + generate_latest(REGISTRY)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


def _registry(found: Services) -> CollectorRegistry:
    registry = CollectorRegistry()
    machines = Gauge("machikoba_machines", "Machines heard of, by state", ["state"], registry=registry)
    states = [machine.state for machine in found.board.all().values()]
    for state in STATES:
        machines.labels(state.value).set(states.count(state))
    status = found.status
    for name, text, value in (
        ("broker_connected", "1 while connected to the MQTT broker", status.broker_connected),
        ("store_ok", "1 while the store answers", status.store_ok),
        ("queue_rows", "Rows received and not yet stored", status.queue_depth),
        ("last_stored_timestamp_seconds", "When something was last stored", _seconds(status.last_stored_ms)),
        ("certificates_ending", "Parties whose certificates end within 30 days or have", len(status.ending)),
        (
            "last_announced_timestamp_seconds",
            "When agents were last told what is stored",
            _seconds(status.last_announced_ms),
        ),
    ):
        Gauge(f"machikoba_{name}", text, registry=registry).set(value)
    return registry


def _seconds(at_ms: int | None) -> float:
    return float("nan") if at_ms is None else at_ms / 1000
