"""From findings to answers: alerts, incidents, suspects, reports, and the rules of who may see them."""
