"""Calendar: CPU seconds to import 100,000 changes and to check a year of 20,000, and milliseconds to look up one window.

python -m benchmarks.calendar
"""

import contextlib
import io
import random
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from changes.calendar import Calendar
from changes.files.writer import to_json_array, writer_of
from highwater.cli import run
from models.change import Change
from models.times import HOUR_US, us

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
YEAR_MINUTES = 365 * 24 * 60


def year(count: int, dice: random.Random) -> list[Change]:
    """Changes of 300 Users and the DCC, spread over a year."""
    costs = []
    for number in range(count):
        start = BEGIN + timedelta(minutes=dice.randrange(YEAR_MINUTES))
        of_dcc = number % 10 == 0
        more = {"regions": ["north"], "return_to_normal_risk": "Queues drain within the hour"} if of_dcc else {}
        fields = {
            "change_id": f"CHG-{number}", "owner": "DCC" if of_dcc else f"SUP-{number % 300:03d}", "title": f"Work {number}",
            "planned_start": start, "planned_end": start + timedelta(minutes=90), "updated_at": BEGIN, "services": ["4.8.1"],
            "category": "planned_maintenance" if of_dcc else "firewall",
        }  # fmt: skip
        costs.append(Change.model_validate({**fields, **more}))
    return costs


def timed(*arguments: str) -> float:
    """CPU seconds of one command, its output thrown away."""
    began_s = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        run(list(arguments))
    return time.process_time() - began_s


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        changes = year(100_000, random.Random(1))
        for suffix in (".json", ".csv"):
            path = Path(folder) / f"year{suffix}"
            path.write_bytes(to_json_array(changes) if suffix == ".json" else writer_of(suffix)(changes))
            spent_s = timed("changes", "import", str(path), "--to", str(path.with_name(f"kept{suffix}.json")))
            print(f"import of 100,000 changes from {suffix}: {spent_s:.1f} CPU s")
        small = Path(folder) / "small.json"
        small.write_bytes(to_json_array(changes[:20_000]))
        print(f"check of a year with 20,000 changes: {timed('changes', 'check', str(small)):.1f} CPU s")
    calendar = Calendar()
    for change in changes:
        calendar.declare(change, None)
    view = calendar.view(us(BEGIN + timedelta(days=400)))
    view.between(0, 1)
    began_s = time.process_time()
    for hour in range(1000):
        view.between(us(BEGIN) + hour * HOUR_US, us(BEGIN) + hour * HOUR_US + HOUR_US // 6)
    print(f"look-up of one window among 100,000 changes: {time.process_time() - began_s:.3f} ms")
    print(f"memory at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
