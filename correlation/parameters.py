"""The settings of correlation: distance within one event, limits of `critical`, criteria of an Incident Category."""

from pydantic import BaseModel, ConfigDict, Field

from changes.planning.systems import SystemParameters


class CategoryParameters(BaseModel):
    """Limits of the proposed SEC Incident Category; a person decides. The defaults are assumptions: the SEC gives words, not numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    major_users_share: float = Field(0.25, gt=0, le=1, description="Category 1 from this share of all Users affected")
    major_users_least: int = Field(3, ge=1, description="Minimum number of affected Users for that")
    major_regions: int = Field(2, ge=2, description="Category 1 from this number of regions affected for several Users")
    major_processes: tuple[str, ...] = Field(
        ("install_and_commission", "prepayment"), description="Category 1 when several other Users can't carry out one of these"
    )
    major_process_users: int = Field(3, ge=1, description="Minimum number of other Users for that")
    significant_depth: int = Field(500_000, ge=1, description="Category 2 from this number of messages waiting for one User")
    significant_age_s: int = Field(3600, ge=1, description="Category 2 from this age of the oldest message, while others are affected")
    moderate_after_s: int = Field(900, ge=0, description="Category 3 once one User is cut off or storms for this long")


class CorrelationParameters(BaseModel):
    """How findings become alerts, incidents and change reports."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settling_s: int = Field(7200, ge=0, description="how long after a change's window its report waits for late effects")
    flap_s: int = Field(900, ge=0, description="an alert that comes back within this time is the same alert, with `flaps` counted")
    reopen_s: int = Field(3600, ge=0, description="an incident that comes back within this time is the same incident")
    together_s: int = Field(1800, ge=0, description="alerts of one User that begin within this time of each other are one event")
    spill_s: int = Field(
        6 * 3600,
        ge=0,
        description="how long after one User's storm others' trouble may still be its spill-over; for a backlog, while it lasts",
    )
    onset_error_s: int = Field(300, ge=0, description="how far the estimated beginnings of one event may be apart")
    recovery_s: int = Field(
        3600, ge=0, description="how long after a block the surge of waiting messages counts as recovery, not as a storm"
    )
    region_users: int = Field(
        3, ge=2, description="device alerts rising for this number of Users of a region at once are one alert of that region"
    )
    capacity_sight_s: int = Field(2 * 3600, ge=0, description="a queue that may be full within this time is never `info`")
    capacity_critical_s: int = Field(3600, ge=0, description="a queue that may be full within this time is `critical`")
    age_sight_s: int = Field(12 * 3600, ge=0, description="messages that may expire within this time are never `info`")
    age_critical_s: int = Field(4 * 3600, ge=0, description="messages that may expire within this time are `critical`")
    critical_users: int = Field(3, ge=1, description="an incident from which this number of other Users suffer is `critical`")
    critical_share: float = Field(0.2, gt=0, le=1, description="an incident that cuts off this share of all expected traffic is `critical`")
    critical_depth: int = Field(1_000_000, ge=1, description="this number of waiting messages is `critical`")
    threat_s: int = Field(12 * 3600, ge=0, description="changes that start within this time, or on the same UTC day, may be endangered")
    remembered_incidents: int = Field(500, ge=0, description="how many closed incidents are kept to compare new ones with")
    systems: dict[str, SystemParameters] = Field(
        default_factory=dict,
        description="systems by name, each with depends_on, fallback, regions, services: decides which changes are related",
    )
    categories: CategoryParameters = CategoryParameters()
