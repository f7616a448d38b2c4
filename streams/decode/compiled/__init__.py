"""The columnar decoder's usual case in C: events of known templates that name known series."""
