"""Authentication: tokens, sign-in, OIDC, opaque cursors."""
