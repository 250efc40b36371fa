"""Encryption at rest: secrets in parameters, the text of requests, tokens."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.errors import Fault, Misconfigured

_SEALED = "$sealed"


class Vault:
    """Seals text with the newest of several Fernet keys and opens what any of them sealed."""

    def __init__(self, keys: list[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key.encode()) for key in keys])
        except ValueError as error:
            raise Misconfigured(
                [
                    "SLASHJOB_SECRET_KEYS holds a value that is not a Fernet key (32 bytes, base64); "
                    'make one with: python -c "from cryptography.fernet import Fernet; '
                    'print(Fernet.generate_key().decode())"'
                ]
            ) from error

    def seal(self, text: str) -> str:
        """Encrypt."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, token: str) -> str:
        """Decrypt. Raises `Fault` where no key fits."""
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken:
            raise Fault(
                "A stored secret cannot be read: the key that sealed it is not among SLASHJOB_SECRET_KEYS."
            ) from None

    def seal_value(self, value: Any) -> dict[str, str]:
        """What stands for a secret in a JSON column."""
        return {_SEALED: self.seal(str(value))}

    def open_values(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values with every sealed one opened."""
        return {
            name: self.open(value[_SEALED]) if isinstance(value, dict) and _SEALED in value else value
            for name, value in values.items()
        }


def sealed(value: Any) -> bool:
    """The value stands for a secret."""
    return isinstance(value, dict) and _SEALED in value
