"""How serious an alert is: severity, declared effect, affected Users, Incident Category, threatened changes."""
