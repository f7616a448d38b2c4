"""From findings to answers: alerts, incidents, suspects, reports, and who may see what."""
