"""Opens an issue in a repository on GitHub.

The request carries a token that this skill never sees: the host puts it there as the request leaves, towards GitHub's
API and nowhere else.

See <https://docs.github.com/en/rest/issues/issues#create-an-issue>.
"""

import json
import re

import outgoing
import wit_world
from componentize_py_types import Err
from wit_world.imports import sealed, secrets


class WitWorld(wit_world.WitWorld):
    def run(self, input: bytes) -> bytes:
        owner, repository, issue = wanted(input)
        with secrets.get("github-token") as token:
            headers = [
                ("authorization", f"Bearer {sealed.token(token)}"),
                ("accept", "application/vnd.github+json"),
                ("content-type", "application/json"),
                ("user-agent", "github-issue"),
                ("x-github-api-version", "2022-11-28"),
            ]
            url = f"https://api.github.com/repos/{owner}/{repository}/issues"
            try:
                response = outgoing.send("POST", url, headers, json.dumps(issue).encode())
            except outgoing.NoAnswer as failure:
                raise Err(f"no answer from GitHub: {failure}")
        answer = parsed(response.body)
        if response.status != 201:
            raise Err(f"GitHub refused it with status {response.status}: {answer.get('message', 'without a reason')}")
        made = {"number": answer.get("number"), "url": answer.get("html_url")}
        return json.dumps(made, separators=(",", ":")).encode()


def wanted(input: bytes) -> tuple[str, str, dict[str, str]]:
    match parsed(input):
        case {"owner": str(owner), "repository": str(repository), "title": str(title), **rest}:
            body = rest.get("body", "")
            if isinstance(body, str):
                return name(owner), name(repository), {"title": title, "body": body}
    # An Err is the skill's answer; any other exception would be a crash.
    raise Err("invalid input: an issue is an object with the texts `owner`, `repository` and `title`")


def name(text: str) -> str:
    """A name as GitHub takes it; nothing of it leads elsewhere."""
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", text):
        raise Err(f"{text!r} is no name of an owner or a repository")
    return text


def parsed(text: bytes) -> dict:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
