"""What an operator may set for the embedded monitor (`serve.*`)."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from changes.limits import ChangeLimits
from service.networks import proxy_networks


def _listed(value: object) -> object:
    """The environment carries lists as text: `a,b` is two entries."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _proxies(entries: tuple[str, ...]) -> tuple[str, ...]:
    proxy_networks(entries)
    return entries


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Proxies = Annotated[Names, AfterValidator(_proxies)]


class OidcParameters(BaseModel):
    """Bearer tokens of an identity provider, beside our own (extra `oidc`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str | None = Field(None, description="The provider's issuer; without it only our own tokens are accepted.")
    audience: str = Field("highwater", description="The required `aud` of a token.")
    jwks_url: str | None = Field(None, description="Address of the provider's keys; default: from its discovery document.")
    keys_kept_s: float = Field(300, gt=0, description="How long the provider's keys are valid before they are read again.")
    role_claim: str = Field(
        "highwater_role", description="The claim with the role: `observer`, `triage`, `user:<ID>`, `ingest` or `admin`."
    )
    algorithms: Names = Field(("RS256", "ES256"), description="Signature algorithms accepted; never `none`, never a shared secret.")


class SubscriptionParameters(BaseModel):
    """How messages are sent to webhooks, mail and chat."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow_private_targets: bool = Field(
        default=False, description="Allow webhooks to private and loopback addresses, and plain http. For tests and closed networks only."
    )
    mail_url: SecretStr | None = Field(
        None, description="Apprise address of the mail relay, e.g. `mailtos://user:secret@smtp.example.com`."
    )
    chat_schemes: Names = Field(
        ("slack", "workflows", "discord", "tgram", "pagerduty", "opsgenie"),
        description="Services that a subscription may use, of these six; their hosts are fixed by the service.",
    )
    timeout_s: float = Field(10.0, gt=0, description="How long one delivery may take.")
    attempts: int = Field(30, ge=1, le=50, description="Delivery attempts before a message becomes a dead letter.")
    first_retry_s: float = Field(
        5.0, gt=0, description="Pause before the second attempt; each further pause is four times as long, with jitter."
    )
    longest_retry_s: float = Field(3_600.0, gt=0, description="Maximum pause.")


class QuotaParameters(BaseModel):
    """The quotas of one User or one token for shared resources."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    changes_per_user: int = Field(
        5_000,
        ge=2_000,
        description="Changes of one User that have not ended more than 40 days ago; a new one beyond this number is answered 422.",
    )
    revisions_per_change: int = Field(
        1_000, ge=100, description="Revisions of one change with a User's token; another beyond is answered 422."
    )
    subscriptions_per_user: int = Field(50, ge=1, description="Subscriptions of one User; a new one beyond is answered 422.")
    series_per_token: int = Field(
        50_000, ge=50_000, description="Distinct series that one token reports within two days; a body with more is answered 422."
    )
    failed_sign_ins_per_minute: int = Field(
        60, ge=1, description="Failed sign-ins of one address; beyond it secrets that never worked before are answered 429."
    )
    compared_changes: int = Field(
        5_000, ge=2_000, description="Changes nearest in time that a new one is compared with, in a preview and when it is declared."
    )
    connections_per_address: int = Field(
        1_000,
        ge=100,
        description="Open connections of one address, or open requests of it through a proxy; this machine and proxies are not counted.",
    )
    requests_at_once: int = Field(
        2,
        ge=1,
        description="Requests of one User, or of one address that is not signed in, that are worked on at a time; of a token of the desk"
        " four times as many. Others wait their turn.",
    )
    requests_waiting: int = Field(
        200, ge=1, description="Requests of one User, token or address that wait their turn; another is answered 429."
    )
    streams_per_token: int = Field(250, ge=1, description="Event streams of one token at a time; another is answered 429.")


class ServeParameters(BaseModel):
    """The embedded monitor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8480, ge=0, le=65535, description="Port to listen on; 0 takes any free one and prints it.")
    data_dir: Path = Field(Path("data"), description="Folder of the database, the journal and the checkpoints.")
    admin_token: SecretStr | None = Field(
        None, description="An admin's secret, by environment or file; without it one is printed once at the first start."
    )
    public_url: str | None = Field(
        None, description="Public address of the monitor, e.g. `https://monitor.example.com`; makes the cookie `Secure`."
    )
    trusted_proxies: Proxies = Field(
        ("127.0.0.1", "::1"), description="Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count: addresses or networks, never all."
    )

    max_body_mb: float = Field(
        16, gt=0, le=1024, description="Largest body of `POST /v1/events`, compressed or inflated; a larger one is answered 413."
    )
    read_timeout_s: float = Field(30, gt=0, description="A request that has not arrived completely by then is closed.")
    backlog_mb: float = Field(64, gt=0, description="Bytes journalled but not yet judged; beyond this posts are answered 429.")
    segment_mb: float = Field(64, gt=0, description="Size of one journal file.")
    checkpoint_every_s: float = Field(
        60, gt=0, description="Longest time between two checkpoints while events come in; a quarter of it while many do."
    )

    recovery_work_s: float = Field(15, gt=0, description="Longest work that a restart repeats; checkpoints are written accordingly.")

    raw_hours: int = Field(48, ge=1, description="How long chart samples are kept unchanged.")
    minute_days: int = Field(30, ge=1, description="How long their roll-ups by the minute are kept.")
    quarter_days: int = Field(400, ge=1, description="How long their roll-ups by 15 minutes are kept.")
    dead_letters: int = Field(100_000, ge=0, description="Rejected events kept; the oldest are deleted first.")

    session_hours: float = Field(12, gt=0, description="How long a browser stays signed in.")
    metric_users: int = Field(200, ge=1, description="Users with labels of their own in `/metrics`; the others share `other`.")
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="A separate port for `/metrics`, without token, on the same address."
    )
    source_stopped_after_s: float = Field(
        300, gt=0, description="A token that posted events and posts none for so long is reported as a source that stopped."
    )
    escalate_after_s: float = Field(900, gt=0, description="An alert of `warning` or above that nobody acknowledged by then is escalated.")
    alertmanager_urls: Names = Field((), description="Alertmanagers that active alerts are pushed to, e.g. `http://127.0.0.1:9093`.")
    heartbeat_url: str | None = Field(None, description="Called every minute while the monitor works; its absence is the alarm.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least serious log line written.")

    declarations: ChangeLimits = Field(default_factory=ChangeLimits, description="The limits of a declared window.")
    quotas: QuotaParameters = Field(
        default_factory=QuotaParameters, description="The quotas of one User or one token for shared resources."
    )
    subscriptions: SubscriptionParameters = Field(default_factory=SubscriptionParameters, description="How messages leave.")
    oidc: OidcParameters = Field(default_factory=OidcParameters, description="An identity provider's tokens.")

    @property
    def max_body_bytes(self) -> int:
        """`max_body_mb` in bytes."""
        return int(self.max_body_mb * 1_000_000)
