"""`highwater changes add`: declare one change, or revise it."""

import sys
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from highwater.commands.changes.options import To, Token, is_url, planning_rules
from highwater.commands.changes.output import put
from highwater.options import AsJson, ConfigFile, settings

if TYPE_CHECKING:
    from models.change import Change

Set = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Any field, such as services=4.8.1;8.1.1")]


def add(
    to: To,
    change_id: Annotated[
        str | None,
        typer.Option(
            "--id", help="The id of the change. A change that the file holds is revised; by default the id is made from title and start."
        ),
    ] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="DCC, a User ID, or a service provider's name.")] = None,
    title: Annotated[str | None, typer.Option("--title", help="The activity.")] = None,
    category: Annotated[str | None, typer.Option("--category", help="Such as firewall; by default guessed from the title.")] = None,
    status: Annotated[str | None, typer.Option("--status", help="Such as declared, in_progress, completed, cancelled.")] = None,
    start: Annotated[str | None, typer.Option("--start", help="Planned start, such as 2026-01-05T22:00:00Z.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Planned end.")] = None,
    other: Set = None,
    token: Token = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Declare or revise one change: fields that are not given stay unchanged. Its conflicts are listed."""
    from changes.drafting import completed
    from changes.files.calendar_files import CalendarRead
    from changes.files.revise import revise, standing

    named = {"owner": owner, "title": title, "category": category, "status": status, "planned_start": start, "planned_end": end}
    given = {name: value for name, value in named.items() if value is not None} | dict(map(_assignment, other or []))
    if is_url(to) and not given.get("owner"):
        given |= _owner_of(to, token)
    known = [] if change_id is None else _known(to, token, change_id, given.get("owner"))
    guessed: tuple[str, ...] = ()
    if change_id is None or standing(known, change_id, given.get("owner")) is None:
        given, guessed = completed(_asked(given) | ({} if change_id is None else {"change_id": change_id}))
        change_id = given.pop("change_id", None)
        if change_id is None:
            raise typer.BadParameter("give --id, or a title and a start from which an id can be made")
        known = _known(to, token, change_id, given.get("owner"))
        if "category" in guessed and standing(known, change_id, given.get("owner")) is not None:
            del given["category"]  # It has one already.
            guessed = tuple(name for name in guessed if name != "category")
    made = revise(known, change_id, given, datetime.now(UTC))
    conflicts, slots = _at_monitor(made, to, token) if is_url(to) else _in_file(made, known, config)
    if not as_json:
        _print(made, guessed, conflicts, slots)
    shown = {"guessed": {name: getattr(made, name) for name in guessed}, "conflicts": conflicts, "free_slots": slots}
    put(CalendarRead((made,), [], ()), to, token=token, as_json=as_json, by_hand=True, more=shown)


def _owner_of(to: str, token: str) -> dict[str, str]:
    from changes.http_client import user_of

    user = user_of(to, token)
    return {} if user is None else {"owner": user}


def _known(to: str, token: str, change_id: str, owner: str | None) -> list["Change"]:
    """The changes of the file, or the one at the monitor that is revised."""
    from changes.files.reader import read_changes
    from changes.http_client import change_at

    if is_url(to):
        stands = change_at(to, token, change_id, owner)
        return [] if stands is None else [stands]
    return read_changes(to)[0] if Path(to).exists() else []


def _at_monitor(made: "Change", to: str, token: str) -> tuple[list[str], list[str]]:
    from changes.http_client import preview_at

    previewed = preview_at(to, token, made)
    conflicts = [str(one["text"]) for one in previewed.get("conflicts", [])]
    return conflicts, [f"{one['start']}/{one['end']}" for one in previewed.get("free_slots", [])]


def _in_file(made: "Change", known: list["Change"], config: Path | None) -> tuple[list[str], list[str]]:
    from changes.files.merge import merge
    from changes.planning.conflicts import conflicts_of, slots_for
    from models.times import format_time, us

    standing = merge(known).changes
    rules = planning_rules(settings(config))
    conflicts = conflicts_of(made, standing, rules)
    free = slots_for(made, standing, us(datetime.now(UTC)), rules) if conflicts else ()
    return [one.text for one in conflicts], [f"{format_time(slot.start_us)}/{format_time(slot.end_us)}" for slot in free]


def _print(made: "Change", guessed: tuple[str, ...], conflicts: list[str], slots: list[str]) -> None:
    if "category" in guessed and made.category == "other":
        typer.echo(f"the title names no category (give one with --id {made.change_id} --category …)")
    elif "category" in guessed:
        typer.echo(f"category guessed from the title: {made.category} (correct it with --id {made.change_id} --category …)")
    for text in conflicts:
        typer.echo(f"conflict: {text}")
    if slots:
        typer.echo(f"free instead: {', '.join(slots)}")


def _asked(given: dict[str, str]) -> dict[str, str]:
    """Asks for missing values if a person is at a terminal, again where an answer can't be used."""
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        return given
    questions = {"title": "What is done", "owner": "Whose change", "planned_start": "Start (2026-01-05T22:00:00Z)", "planned_end": "End"}
    answers = dict(given)
    for name, question in questions.items():
        if not answers.get(name):
            answers[name] = typer.prompt(question, value_proc=partial(_checked, name, answers))
    return answers


def _checked(name: str, answers: dict[str, str], text: str) -> str:
    """The answer to one question. Raises UsageError with the reason, after which the question is asked again."""
    from models.errors import Malformed
    from models.times import parse_time

    value = text.strip()
    try:
        if name == "owner" and "/" in value:
            raise typer.BadParameter("an owner contains no `/`")
        if name in ("planned_start", "planned_end"):
            at = parse_time(value)
            with suppress(Malformed):  # A start that was given as an option is refused afterwards, with its own reason.
                if name == "planned_end" and at < parse_time(answers["planned_start"]):
                    raise typer.BadParameter("it must not be before the start")
    except Malformed as fault:
        raise typer.BadParameter(str(fault)) from None
    return value


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"{text!r} is not an assignment: write FIELD=VALUE")
    return name.strip(), value
