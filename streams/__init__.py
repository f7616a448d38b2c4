"""The event flow: decode, assemble, detect, correlate, route."""
