"""`python -m highwater`."""

from highwater.cli import main

main()
