"""An identity provider's bearer tokens, checked by signature, issuer, audience and time (extra `oidc`)."""

import importlib
import json
import threading
import urllib.request
from typing import Any

import structlog

from models.clock import Clock
from models.errors import ConfigurationError, Malformed
from service.access import Principal, parse_role
from service.parameters import OidcParameters
from service.problems import Problem

_TIMEOUT_S = 5.0
_PAUSE_S = 10.0
"""After a failed attempt the provider is not queried again for this time: each attempt would block a thread until it times out."""
_LEEWAY_S = 10
"""Clocks differ."""
_LONGEST_COOLDOWN_S = 30.0
log = structlog.get_logger()


class Provider:
    """Verifies JWTs with the provider's published keys; the list of algorithms is ours, never the token's."""

    def __init__(self, parameters: OidcParameters, clock: Clock) -> None:
        try:
            self._jwt: Any = importlib.import_module("jwt")
        except ImportError:
            raise ConfigurationError("serve.oidc needs the extra `oidc`: install highwater[oidc]") from None
        if parameters.issuer is None:
            raise ConfigurationError("serve.oidc.issuer is not set")
        if any(name.upper().startswith("HS") or name.lower() == "none" for name in parameters.algorithms):
            raise ConfigurationError("serve.oidc.algorithms must be public-key algorithms, such as RS256 or ES256")
        self._parameters, self._clock = parameters, clock
        self._issuer = parameters.issuer
        self._guard = threading.Lock()
        self._keys: Any = None
        self._not_before_s = clock.steady_s()

    def principal(self, bearer: str) -> Principal | None:
        """The principal; None for any invalid token, whatever the reason. Raises Problem 503 if its key can't be read now."""
        try:
            # Before the keys are read: a token for another audience must not cause a request.
            meant = self._jwt.decode(bearer, options={"verify_signature": False, "verify_exp": False})
            if meant.get("iss") != self._issuer:
                raise self._jwt.InvalidIssuerError("the token is from another issuer")
            claims = self._jwt.decode(
                bearer,
                self._key(bearer),
                algorithms=list(self._parameters.algorithms),
                audience=self._parameters.audience,
                issuer=self._issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
            role, user = parse_role(str(claims.get(self._parameters.role_claim, "")))
        except (self._jwt.PyJWTError, Malformed, TypeError) as fault:  # TypeError: the key does not fit the token's algorithm
            log.info("an identity provider's token was refused", fault=str(fault))
            return None
        ends_us = (int(claims["exp"]) + _LEEWAY_S) * 1_000_000
        return Principal(f"oidc:{claims['sub']}", str(claims.get("email") or claims["sub"]), role, user, ends_us=ends_us)

    def _key(self, bearer: str) -> Any:
        with self._guard:
            if self._clock.steady_s() < self._not_before_s:
                raise _unreachable()
            try:
                if self._keys is None:
                    kept_s = self._parameters.keys_kept_s
                    url = self._parameters.jwks_url or self._discovered()
                    self._keys = self._jwt.PyJWKClient(
                        url, lifespan=kept_s, cooldown_duration=min(_LONGEST_COOLDOWN_S, kept_s), timeout=_TIMEOUT_S
                    )
                return self._keys.get_signing_key_from_jwt(bearer).key
            except (self._jwt.PyJWKClientConnectionError, OSError) as fault:
                self._not_before_s = self._clock.steady_s() + _PAUSE_S
                log.warning("the identity provider's keys can't be read", fault=str(fault))
                raise _unreachable() from None

    def _discovered(self) -> str:
        """The address of the provider's keys (OpenID Connect Discovery 1.0)."""
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        if not url.startswith(("https://", "http://")):
            raise OSError(f"serve.oidc.issuer is not a web address: {self._issuer}")
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - http and https only, the operator's own setting
            try:
                document = json.load(answer)
                if document["issuer"] != self._issuer:
                    raise OSError(
                        f"{url} belongs to another issuer: {document['issuer']!r:.200}; set serve.oidc.issuer to that, or jwks_url"
                    )
                return str(document["jwks_uri"])
            except (ValueError, LookupError, TypeError) as fault:
                raise OSError(f"{url} does not contain the address of the keys: set serve.oidc.jwks_url") from fault


def _unreachable() -> Problem:
    detail = "the identity provider's keys can't be read at the moment: try again later, or use a token of the monitor's own"
    return Problem(503, detail, headers={"Retry-After": str(int(_PAUSE_S))})


def provider(parameters: OidcParameters, clock: Clock) -> Provider | None:
    """The provider, if one is configured."""
    return Provider(parameters, clock) if parameters.issuer else None
