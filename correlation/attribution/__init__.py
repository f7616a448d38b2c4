"""Which change may have caused an incident: candidates, scores, verdict rules, reasons."""
