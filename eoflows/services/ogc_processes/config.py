"""Where a client's settings come from."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from eoflows.base.errors import InvalidInputError
from eoflows.base.faults import faults_of
from eoflows.base.http import ApiKey, BasicLogin, BearerToken, Credentials, Keyring, Origin, PasswordGrant

__all__ = ["ENV_PREFIX", "AuthKind", "ClientConfig", "default_config_path"]

ENV_PREFIX = "OGC_PROCESSES_"
"""A field's environment variable is this and its name in capitals, like `OGC_PROCESSES_SERVER_URL`."""

AuthKind = Literal["none", "basic", "bearer", "login", "api-key"]


class ClientConfig(BaseModel):
    """Settings of a client.

    `load` takes each field from the first place that has it: arguments, environment
    (`OGC_PROCESSES_SERVER_URL`, ...), file (YAML; `~/.config/eoflows/ogc-processes.yml` if none is
    named), default. Secrets go to the origin of `server_url` only (the password of `login` to
    `auth_url` only) and are not shown.

    Example:
        >>> config = ClientConfig(server_url="https://processes.example/api", access_token="t")
        >>> config.auth_kind, str(config.access_token)
        ('bearer', '**********')
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    user_name: str | None = None
    """Name of the user, for `basic` and `login`."""
    access_token: SecretStr | None = None
    """Token obtained elsewhere, for `bearer`."""
    server_url: str = "http://127.0.0.1:8008"
    """Landing page."""
    auth: AuthKind | None = None
    """How to identify; None: by what is given, in the order api-key, login, basic, bearer, none."""
    password: SecretStr | None = None
    """For `basic` and `login`."""
    auth_url: str | None = None
    """Token endpoint, for `login` (OAuth2 password grant; tokens are renewed)."""
    client_id: str = "eoflows"
    """OAuth2 client, for `login`."""
    scope: str | None = None
    """OAuth2 scope, for `login`."""
    api_key: SecretStr | None = None
    """For `api-key`."""
    api_key_header: str = "X-API-Key"
    """Header of the key."""
    token_header: str | None = None
    """Header of a token without `Bearer`, like `X-Auth-Token`; None: `Authorization: Bearer`."""

    @property
    def auth_kind(self) -> AuthKind:
        """How this client identifies."""
        if self.auth is not None:
            return self.auth
        if self.api_key is not None:
            return "api-key"
        if self.password is not None:
            return "login" if self.auth_url else "basic"
        return "bearer" if self.access_token is not None else "none"

    def credentials(self) -> Credentials | None:
        """Give what signs requests, or None.

        Raises:
            InvalidInputError: A field that this kind needs is missing.
        """
        kind = self.auth_kind
        if kind == "none":
            return None
        if kind == "api-key":
            return ApiKey(self._needed("api_key"), header=self.api_key_header)
        if kind == "bearer":
            token = self._needed("access_token")
            return ApiKey(token, header=self.token_header) if self.token_header else BearerToken(token)
        user, password = self._needed("user_name"), self._needed("password")
        if kind == "basic":
            return BasicLogin(user, password)
        return PasswordGrant.shared(
            self._needed("auth_url"), user, password, client_id=self.client_id, scope=self.scope
        )

    def keyring(self) -> Keyring:
        """Give the credentials of the server's origin."""
        credentials = self.credentials()
        return Keyring([] if credentials is None else [(Origin.of(self.server_url), credentials)])

    def _needed(self, name: str) -> Any:
        value = getattr(self, name)
        if value is None:
            raise InvalidInputError(
                f"auth {self.auth_kind!r} needs {name}: give it as an argument, as "
                f"{ENV_PREFIX}{name.upper()}, or in the file"
            )
        return value

    @classmethod
    def load(
        cls,
        config_path: str | Path | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> "ClientConfig":
        """Collect the settings.

        Args:
            config_path: YAML file; it must be there. None: the default file, if it is there.
            environ: The environment; None: this process's.
            arguments: Fields that are given directly; None counts as not given.

        Raises:
            InvalidInputError: The file is absent or no mapping, or a field is wrong or unknown.
        """
        environment = os.environ if environ is None else environ
        told = {
            name: environment[ENV_PREFIX + name.upper()]
            for name in cls.model_fields
            if environment.get(ENV_PREFIX + name.upper())
        }
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            return cls(**{**_from_file(config_path, environment), **told, **given})
        except ValidationError as error:
            raise InvalidInputError(f"the client's settings: {faults_of(error)}") from None


def default_config_path(environ: Mapping[str, str] | None = None) -> Path:
    """Give the file that is read when none is named: below XDG_CONFIG_HOME, else ~/.config."""
    base = (os.environ if environ is None else environ).get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "eoflows" / "ogc-processes.yml"


def _from_file(config_path: str | Path | None, environ: Mapping[str, str]) -> dict[str, Any]:
    path = default_config_path(environ) if config_path is None else Path(config_path)
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if config_path is None:
            return {}
        raise InvalidInputError(f"there is no configuration file {path}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        # The parser's own text quotes the file, which may hold secrets.
        kind = type(error).__name__
        raise InvalidInputError(f"the configuration file {path} cannot be read: {kind}") from None
    if document is None:
        return {}
    if not isinstance(document, dict) or not all(isinstance(name, str) for name in document):
        raise InvalidInputError(f"the configuration file {path} is no mapping of fields to values")
    return document
