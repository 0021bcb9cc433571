"""Tells whether a webhook delivery was sent by GitHub.

GitHub signs the body of each delivery with a secret that both sides know. This skill never sees it: the host computes
the signature, and the skill compares.

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
        # In a time that does not tell how far the two agree.
        return json.dumps({"valid": hmac.compare_digest(claimed, actual)}, separators=(",", ":")).encode()


def delivery(input: bytes) -> tuple[str, str]:
    try:
        match json.loads(input):
            case {"payload": str(payload), "signature": str(header)}:
                return payload, header
    except ValueError:
        pass
    # An Err is the skill's answer; any other exception would be a crash.
    raise Err("invalid input: a delivery is an object with the texts `payload` and `signature`")


def signature(header: str) -> bytes:
    """An HMAC-SHA-256, as the header X-Hub-Signature-256 carries it."""
    if not header.startswith("sha256="):
        raise Err("the signature does not start with `sha256=`")
    digits = header.removeprefix("sha256=")
    if not re.fullmatch("[0-9a-fA-F]{64}", digits):
        raise Err("the signature is not 64 hexadecimal digits")
    return bytes.fromhex(digits)
