"""Dashboards for Grafana, written as Python and committed as JSON (`python -m config.grafana.build`)."""
