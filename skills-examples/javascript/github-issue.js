// Opens an issue in a repository on GitHub.
//
// The request carries a token that the skill never sees: the host inserts it as the request leaves,
// for GitHub's API only.
//
// See <https://docs.github.com/en/rest/issues/issues#create-an-issue>.

import { get } from "tinkerbell:skill/secrets@0.1.0";
import { token } from "tinkerbell:skill/sealed@0.1.0";

export async function run(input) {
  const { owner, repository, title, body } = parseInput(input);
  const url = `https://api.github.com/repos/${name(owner)}/${name(repository)}/issues`;
  const headers = {
    authorization: `Bearer ${token(get("github-token"))}`,
    accept: "application/vnd.github+json",
    "content-type": "application/json",
    "user-agent": "github-issue",
    "x-github-api-version": "2022-11-28",
  };
  const response = await send(url, { method: "POST", headers, body: JSON.stringify({ title, body }) });
  const result = parseJson(await response.text());
  if (response.status !== 201) {
    throw `GitHub refused it with status ${response.status}: ${result?.message ?? "without a reason"}`;
  }
  return new TextEncoder().encode(JSON.stringify({ number: result?.number, url: result?.html_url }));
}

async function send(url, request) {
  try {
    return await fetch(url, request);
  } catch (error) {
    // A thrown string is the skill's error; any other exception would be a crash.
    throw `no response from GitHub: ${error}`;
  }
}

function parseInput(input) {
  const { owner, repository, title, body = "" } = parseJson(new TextDecoder().decode(input)) ?? {};
  if ([owner, repository, title, body].every((value) => typeof value === "string")) {
    return { owner, repository, title, body };
  }
  throw "invalid input: an issue is an object with the strings `owner`, `repository` and `title`";
}

/** Checks a name, which cannot refer to another path of the API. */
function name(text) {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(text)) {
    throw `${JSON.stringify(text)} is not a valid owner or repository name`;
  }
  return text;
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
