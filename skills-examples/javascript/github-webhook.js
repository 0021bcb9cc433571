// Tells whether a webhook delivery was sent by GitHub.
//
// GitHub signs the body of each delivery with a secret that both sides know. This skill never sees it: the host computes
// the signature, and the skill compares.
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
    // Told below.
  }
  // A text that is thrown is the skill's answer; anything else would be a crash.
  throw "invalid input: a delivery is an object with the texts `payload` and `signature`";
}

/** An HMAC-SHA-256, as the header X-Hub-Signature-256 carries it. */
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

/** Compares in a time that does not tell how far the two agree. */
function equal(one, other) {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at += 1) {
    difference |= one[at] ^ other[at];
  }
  return difference === 0;
}
