"""What a change did: effects on its scope, the verdict of its report, the record of declarations."""
