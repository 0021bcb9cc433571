// Opens an issue in a repository on GitHub.
//
// The request carries a token that this skill never sees: the host puts it there as the request leaves, towards GitHub's
// API and nowhere else.
//
// See <https://docs.github.com/en/rest/issues/issues#create-an-issue>.

import { get } from "tinkerbell:skill/secrets@0.1.0";
import { token } from "tinkerbell:skill/sealed@0.1.0";

export async function run(input) {
  const { owner, repository, title, body } = wanted(input);
  const url = `https://api.github.com/repos/${name(owner)}/${name(repository)}/issues`;
  const headers = {
    authorization: `Bearer ${token(get("github-token"))}`,
    accept: "application/vnd.github+json",
    "content-type": "application/json",
    "user-agent": "github-issue",
    "x-github-api-version": "2022-11-28",
  };
  const response = await sent(url, { method: "POST", headers, body: JSON.stringify({ title, body }) });
  const answer = parsed(await response.text());
  if (response.status !== 201) {
    throw `GitHub refused it with status ${response.status}: ${answer?.message ?? "without a reason"}`;
  }
  return new TextEncoder().encode(JSON.stringify({ number: answer?.number, url: answer?.html_url }));
}

async function sent(url, request) {
  try {
    return await fetch(url, request);
  } catch (error) {
    // A text that is thrown is the skill's answer; anything else would be a crash.
    throw `no answer from GitHub: ${error}`;
  }
}

function wanted(input) {
  const { owner, repository, title, body = "" } = parsed(new TextDecoder().decode(input)) ?? {};
  if ([owner, repository, title, body].every((text) => typeof text === "string")) {
    return { owner, repository, title, body };
  }
  throw "invalid input: an issue is an object with the texts `owner`, `repository` and `title`";
}

/** A name as GitHub takes it; nothing of it leads elsewhere. */
function name(text) {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(text)) {
    throw `${JSON.stringify(text)} is no name of an owner or a repository`;
  }
  return text;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
