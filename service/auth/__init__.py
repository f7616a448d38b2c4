"""Who is calling: tokens, sign-in, OIDC, opaque cursors."""
