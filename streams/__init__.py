"""The flow: decode, assemble, detect, correlate, route."""
