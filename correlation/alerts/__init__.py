"""From findings to alert groups: assignment, grouping, aggregation, alerts of a whole region."""
