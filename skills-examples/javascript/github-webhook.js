// Verifies that GitHub sent a webhook delivery.
//
// GitHub signs the body of each delivery with a shared secret. The skill never sees the secret: the
// host computes the signature, and the skill compares.
//
// See <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>.

import { get } from "tinkerbell:skill/secrets@0.1.0";
import { hmacSha256 } from "tinkerbell:skill/signing@0.1.0";

export function run(input) {
  const { payload, signature: header } = delivery(input);
  const claimed = signature(header);
  const secret = get("github-webhook-secret");
  const actual = hmacSha256(secret, new TextEncoder().encode(payload));
  return new TextEncoder().encode(JSON.stringify({ valid: equal(claimed, actual) }));
}

function delivery(input) {
  try {
    const delivery = JSON.parse(new TextDecoder().decode(input));
    if (typeof delivery?.payload === "string" && typeof delivery?.signature === "string") {
      return delivery;
    }
  } catch {
    // Reported below.
  }
  // A thrown string is the skill's error; any other exception would be a crash.
  throw "invalid input: a delivery is an object with the strings `payload` and `signature`";
}

/** Parses the HMAC-SHA-256 in the header X-Hub-Signature-256. */
function signature(header) {
  if (!header.startsWith("sha256=")) {
    throw "the signature does not start with `sha256=`";
  }
  const digits = header.slice("sha256=".length);
  if (!/^[0-9a-fA-F]{64}$/.test(digits)) {
    throw "the signature is not 64 hexadecimal digits";
  }
  return Uint8Array.from(digits.match(/../g), (pair) => Number.parseInt(pair, 16));
}

/** Compares in constant time. */
function equal(one, other) {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at += 1) {
    difference |= one[at] ^ other[at];
  }
  return difference === 0;
}
