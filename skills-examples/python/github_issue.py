"""Opens an issue in a repository on GitHub.

The request carries a token that the skill never sees: the host inserts it as the request leaves,
for GitHub's API only.

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
        owner, repository, issue = parse_input(input)
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
            except outgoing.RequestError as failure:
                raise Err(f"no response from GitHub: {failure}")
        result = parse_json(response.body)
        if response.status != 201:
            raise Err(f"GitHub refused it with status {response.status}: {result.get('message', 'without a reason')}")
        output = {"number": result.get("number"), "url": result.get("html_url")}
        return json.dumps(output, separators=(",", ":")).encode()


def parse_input(input: bytes) -> tuple[str, str, dict[str, str]]:
    match parse_json(input):
        case {"owner": str(owner), "repository": str(repository), "title": str(title), **rest}:
            body = rest.get("body", "")
            if isinstance(body, str):
                return name(owner), name(repository), {"title": title, "body": body}
    # An Err is the skill's error; any other exception would be a crash.
    raise Err("invalid input: an issue is an object with the strings `owner`, `repository` and `title`")


def name(text: str) -> str:
    """Checks a name, which cannot refer to another path of the API."""
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", text):
        raise Err(f"{text!r} is not a valid owner or repository name")
    return text


def parse_json(text: bytes) -> dict:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
