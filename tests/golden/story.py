"""The story that a run's output tells, as the triage desk would read it: one line a revision that matters."""

import json
from pathlib import Path
from typing import Any

Record = dict[str, Any]


def story(folder: Path, files: dict[str, bytes]) -> str:
    """Markdown: what was declared, the incidents, every alert revision in order, and the change reports."""
    changes = json.loads((folder / "changes.json").read_bytes())
    alerts, incidents, reports = (records(files[name]) for name in ("alerts.ndjson", "incidents.ndjson", "change-reports.ndjson"))
    parts = [
        "Written by `python -m tests.golden.accept`; times are UTC.",
        "## Declared",
        table(("change", "owner", "what", "planned"), [declared(change) for change in changes]),
        "## Incidents, as they stand at the end",
        "\n\n".join(incident(one, threats(incidents, one["incident_id"])) for one in last(incidents, "incident_id")) or "None.",
        "## Alerts, revision by revision",
        table(("as of", "alert", "rev", "status", "severity", "summary"), [alert(one) for one in alerts]),
        "## Change reports",
        table(("change", "verdict", "summary"), [(one["change_id"], one["verdict"], one["summary"]) for one in reports]),
    ]
    return f"# {folder.name}\n\n" + "\n\n".join(parts) + "\n"


def records(text: bytes) -> list[Record]:
    return [json.loads(line) for line in text.splitlines()]


def last(result: list[Record], key: str) -> list[Record]:
    """The last revision of each, in the order of their first."""
    return list({record[key]: record for record in result}.values())


def declared(change: Record) -> tuple[str, ...]:
    return (
        change["change_id"],
        change["owner"],
        f"{change['category']}: {change['title']}",
        f"{short(change['planned_start'])} – {short(change['planned_end'])}",
    )


def alert(one: Record) -> tuple[str, ...]:
    user = one["user"] or "everyone"
    return (
        short(one["as_of"]),
        f"{one['kind']} {user} `{one['alert_id'][-4:]}`",
        str(one["revision"]),
        one["status"],
        one["severity"],
        one["summary"],
    )


def threats(incidents: list[Record], incident_id: str) -> dict[str, str]:
    """Every change that any revision saw at risk, with the first reason given."""
    by_key: dict[str, str] = {}
    for one in incidents:
        for change in one["threatened_changes"] if one["incident_id"] == incident_id else ():
            by_key.setdefault(change["change_id"], change["why"])
    return by_key


def incident(one: Record, threatened: dict[str, str]) -> str:
    head = f"### {one['incident_id']}: {one['status']}, category {one['category']} ({one['category_reason']})"
    facts = [
        one["summary"],
        f"Origin: {one['origin_user'] or 'no single User'}. Kinds: {', '.join(one['kinds'])}.",
        f"Processes: {', '.join(one['processes']) or 'none'}.",
        f"Affected: {', '.join(one['affected_users']) or 'nobody else'}.",
        "Put at risk on the way: " + ("; ".join(f"{name} ({why})" for name, why in threatened.items()) or "nothing") + ".",
    ]
    suspects = [
        f"- {suspect['change_id'] or 'no declared change'} of {suspect['owner']}: **{suspect['verdict']}** ({suspect['score']}). "
        + " ".join(reason["text"] for reason in suspect["reasons"])
        for suspect in one["suspects"]
    ]
    timeline = [f"- {short(entry['at'])} {entry['text']}" for entry in one["timeline"]]
    return "\n\n".join([head, *facts, "Suspects:", "\n".join(suspects) or "- none", "Timeline:", "\n".join(timeline)])


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return "None."
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def short(at: str) -> str:
    """`01-07 09:10`."""
    return f"{at[5:10]} {at[11:16]}"
