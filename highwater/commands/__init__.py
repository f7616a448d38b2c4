"""One file per command; `highwater.cli` lists them."""
