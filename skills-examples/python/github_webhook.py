"""Verifies that GitHub sent a webhook delivery.

GitHub signs the body of each delivery with a shared secret. The skill never sees the secret: the host
computes the signature, and the skill compares.

See <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>.
"""

import hmac
import json
import re

import wit_world
from componentize_py_types import Err
from wit_world.imports import secrets, signing


class WitWorld(wit_world.WitWorld):
    def run(self, input: bytes) -> bytes:
        payload, header = delivery(input)
        claimed = signature(header)
        with secrets.get("github-webhook-secret") as secret:
            actual = signing.hmac_sha256(secret, payload.encode())
        # Compares in constant time.
        return json.dumps({"valid": hmac.compare_digest(claimed, actual)}, separators=(",", ":")).encode()


def delivery(input: bytes) -> tuple[str, str]:
    try:
        match json.loads(input):
            case {"payload": str(payload), "signature": str(header)}:
                return payload, header
    except ValueError:
        pass
    # An Err is the skill's error; any other exception would be a crash.
    raise Err("invalid input: a delivery is an object with the strings `payload` and `signature`")


def signature(header: str) -> bytes:
    """Parses the HMAC-SHA-256 in the header X-Hub-Signature-256."""
    if not header.startswith("sha256="):
        raise Err("the signature does not start with `sha256=`")
    digits = header.removeprefix("sha256=")
    if not re.fullmatch("[0-9a-fA-F]{64}", digits):
        raise Err("the signature is not 64 hexadecimal digits")
    return bytes.fromhex(digits)
