"""An identity provider's bearer tokens, checked by signature, issuer, audience and time (extra `oidc`)."""

import importlib
from typing import Any

import structlog

from models.errors import ConfigurationError, Malformed
from service.parameters import OidcParameters
from service.tenancy import Principal, parse_role

log = structlog.get_logger()


class Provider:
    """Verifies JWTs with the provider's published keys; the algorithm list is ours, never the token's."""

    def __init__(self, parameters: OidcParameters) -> None:
        try:
            self._jwt: Any = importlib.import_module("jwt")
        except ImportError:
            raise ConfigurationError("serve.oidc needs the extra `oidc`: install highwater[oidc]") from None
        if parameters.issuer is None:
            raise ConfigurationError("serve.oidc.issuer is not set")
        if any(name.upper().startswith("HS") or name.lower() == "none" for name in parameters.algorithms):
            raise ConfigurationError("serve.oidc.algorithms must be public-key algorithms, such as RS256 or ES256")
        self._parameters = parameters
        url = parameters.jwks_url or f"{parameters.issuer.rstrip('/')}/.well-known/jwks.json"
        self._keys: Any = self._jwt.PyJWKClient(url, cache_keys=True, timeout=5)

    def principal(self, bearer: str) -> Principal | None:
        """Who this is; None for any token that is not good, whatever the reason."""
        try:
            key = self._keys.get_signing_key_from_jwt(bearer)
            claims = self._jwt.decode(
                bearer,
                key.key,
                algorithms=list(self._parameters.algorithms),
                audience=self._parameters.audience,
                issuer=self._parameters.issuer,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
            role, user = parse_role(str(claims.get(self._parameters.role_claim, "")))
        except (self._jwt.PyJWTError, Malformed) as fault:
            log.info("an identity provider's token was refused", fault=str(fault))
            return None
        return Principal(f"oidc:{claims['sub']}", str(claims.get("email") or claims["sub"]), role, user)


def provider(parameters: OidcParameters) -> Provider | None:
    """The provider, if one is set."""
    return Provider(parameters) if parameters.issuer else None
