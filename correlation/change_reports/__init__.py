"""The effects of a change: effects on its scope, the verdict of its report, the record of declarations."""
