"""Parts of the monitor as FastAPI dependencies: a handler names the parts that it uses, and gets no others."""

from typing import Annotated, Any

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from models.clock import Clock
from service.auth.authentication import SignIn
from service.auth.opaque_ids import OpaqueIds
from service.auth.open_streams import OpenStreams
from service.charts.compaction import Keep
from service.charts.heat import HeatReader
from service.engine.engine import Engine
from service.event_stream import EventStream
from service.health import Health
from service.ingest.intake import Intake
from service.ingest.series_quota import SeriesQuota
from service.ingest.turns import Turns
from service.metrics import DeskBoard
from service.notify.dispatcher import Dispatcher
from service.notify.sources import Sources
from service.parameters import ServeParameters
from service.planning.room import PlanningRoom
from service.store.database import Database
from service.triage.change_declaration import ChangeDeclarations
from service.triage.declaration_records import DeclarationBook
from service.triage.desk import TriageDesk


def _part(name: str) -> Any:
    async def part(request: Request) -> Any:  # not `def`: FastAPI would run it in another thread
        return getattr(request.app.state.parts, name)

    return Depends(part)


ChangeDeclarationsDep = Annotated[ChangeDeclarations, _part("declarations")]
BoardDep = Annotated[DeskBoard, _part("board")]
ClockDep = Annotated[Clock, _part("clock")]
CollectorRegistryDep = Annotated[CollectorRegistry, _part("registry")]
DatabaseDep = Annotated[Database, _part("database")]
DispatcherDep = Annotated[Dispatcher, _part("dispatcher")]
EngineDep = Annotated[Engine, _part("engine")]
EventStreamDep = Annotated[EventStream, _part("events")]
HeatReaderDep = Annotated[HeatReader, _part("heat")]
FalseAlarmsDep = Annotated[float, _part("false_alarms_per_day")]
HealthDep = Annotated[Health, _part("health")]
IdleSecondsDep = Annotated[float, _part("idle_s")]
IntakeDep = Annotated[Intake, _part("intake")]
KeepDep = Annotated[Keep, _part("keep")]
OpenStreamsDep = Annotated[OpenStreams, _part("streams")]
SeriesQuotaDep = Annotated[SeriesQuota, _part("series_quota")]
TurnsDep = Annotated[Turns, _part("turns")]
OpaqueIdsDep = Annotated[OpaqueIds, _part("ids")]
PlanningRoomDep = Annotated[PlanningRoom, _part("planning_room")]
DeclarationBookDep = Annotated[DeclarationBook, _part("declaration_book")]
ServeParametersDep = Annotated[ServeParameters, _part("parameters")]
SignInDep = Annotated[SignIn, _part("authentication")]
SourcesDep = Annotated[Sources, _part("sources")]
TriageDeskDep = Annotated[TriageDesk, _part("triage_desk")]
