"""The part of alerts that each reader may see; the only module that decides it."""
