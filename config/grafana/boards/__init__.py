"""The list of dashboards: a new dashboard is one file plus its line here."""

from config.grafana.boards import highwater_itself, incident_records, incidents, queues, traffic
from config.grafana.dashboard import Dashboard

BOARDS: tuple[Dashboard, ...] = (queues.BOARD, traffic.BOARD, incidents.BOARD, highwater_itself.BOARD, incident_records.BOARD)
