"""A small HTTP client over `wasi:http`: one request, and its whole answer.

Copy it beside a skill. A request goes where the task may send requests, or where its secret may be sent; no redirect is
followed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from componentize_py_types import Err, Ok
from wit_world.imports import outgoing_handler, types
from wit_world.imports.streams import StreamError_Closed
from wit_world.imports.types import Fields, OutgoingBody, OutgoingRequest

# What one call writes at most, and reads.
WRITE = 4096
READ = 64 * 1024

METHODS = {
    "GET": types.Method_Get,
    "HEAD": types.Method_Head,
    "POST": types.Method_Post,
    "PUT": types.Method_Put,
    "DELETE": types.Method_Delete,
    "OPTIONS": types.Method_Options,
    "PATCH": types.Method_Patch,
}


class NoAnswer(Exception):
    """There is no answer, and the text says why, in the words of `wasi:http`."""


@dataclass
class Response:
    """A server's answer, whatever its status."""

    status: int
    headers: list[tuple[str, bytes]]
    body: bytes


def send(method: str, url: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> Response:
    """Sends a request, and waits for the whole answer."""
    try:
        request = outgoing(method, url, headers)
        content = request.body()
        pending = outgoing_handler.handle(request, None)
    except Err as error:
        raise NoAnswer(reason(error.value)) from None
    # The host takes the body while it waits for its end.
    write(content, body)
    with pending.subscribe() as ready:
        ready.block()
    match pending.get():
        case Ok(Ok(response)):
            return read(response)
        case Ok(Err(code)):
            raise NoAnswer(reason(code))
    raise NoAnswer(reason(None))


def outgoing(method: str, url: str, headers: Iterable[tuple[str, str]]) -> OutgoingRequest:
    parts = urlsplit(url)
    request = OutgoingRequest(Fields.from_list([(name, value.encode()) for name, value in headers]))
    request.set_method(METHODS[method]() if method in METHODS else types.Method_Other(method))
    request.set_scheme(types.Scheme_Https() if parts.scheme == "https" else types.Scheme_Other(parts.scheme))
    request.set_authority(parts.netloc)
    request.set_path_with_query((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    return request


def write(content: OutgoingBody, body: bytes) -> None:
    try:
        with content.write() as stream:
            for at in range(0, len(body), WRITE):
                stream.blocking_write_and_flush(body[at : at + WRITE])
        OutgoingBody.finish(content, None)
    except Err:
        # What is taken no longer has an answer, which says why.
        pass


def read(response: types.IncomingResponse) -> Response:
    with response, response.headers() as fields, response.consume() as incoming, incoming.stream() as stream:
        body = bytearray()
        try:
            while True:
                body += stream.blocking_read(READ)
        except Err as error:
            if not isinstance(error.value, StreamError_Closed):
                raise NoAnswer(reason(types.http_error_code(error.value.value))) from None
        return Response(response.status(), fields.entries(), bytes(body))


def reason(code: object) -> str:
    """`HttpRequestDenied`, as a rule: the task may not send the request."""
    name = type(code).__name__
    return name.split("_", 1)[1] if "_" in name else "not valid, or cut short"
