"""From alerts to incidents: membership, origin, peers, business processes."""
