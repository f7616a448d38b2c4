"""The page, and requests that mainly the page sends."""
