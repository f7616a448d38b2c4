"""Messages to subscribers: who gets which, in which order and when, and what became of them."""
