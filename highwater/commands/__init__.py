"""One file a command; `highwater.cli` lists them."""
