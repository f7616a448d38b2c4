"""Write the expected output of golden cases anew: `python -m tests.golden.accept [CASE…]`; read the difference before you commit it."""

import sys
import tempfile
from pathlib import Path

from tests.golden.cases import cases


def main(names: list[str]) -> int:
    """Accept the named cases, or all; says which files changed."""
    chosen = [case for case in cases() if not names or case.name in names]
    unknown = set(names) - {case.name for case in chosen}
    if unknown:
        print(f"no golden case {', '.join(sorted(unknown))}; there are {', '.join(case.name for case in cases())}", file=sys.stderr)
        return 2
    for case in chosen:
        case.expected.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as out:
            replayed = case.replay(Path(out))
        for name, text in replayed.items():
            path = case.expected / name
            if not path.exists() or path.read_bytes() != text:
                print(f"{case.name}: {name} changed")
                path.write_bytes(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
