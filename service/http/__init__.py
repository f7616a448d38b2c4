"""HTTP: the application, its routes, limits and the event stream."""
