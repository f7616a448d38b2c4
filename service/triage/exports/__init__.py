"""Exports: what a newer export of a calendar withdraws at the monitor: times of its series, and earlier names of its records."""
