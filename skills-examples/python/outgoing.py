"""A small HTTP client over `wasi:http`: one request and its whole response.

Copy this file beside a skill. The host sends a request to a destination that the task may reach, or
that the request's secret may be sent to. It follows no redirects.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from componentize_py_types import Err, Ok
from wit_world.imports import outgoing_handler, types
from wit_world.imports.streams import StreamError_Closed
from wit_world.imports.types import Fields, OutgoingBody, OutgoingRequest

# The most bytes of one write and of one read.
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


class RequestError(Exception):
    """A request without a response. The message is the error code of `wasi:http`."""


@dataclass
class Response:
    """A server's response with any status."""

    status: int
    headers: list[tuple[str, bytes]]
    body: bytes


def send(method: str, url: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> Response:
    """Sends a request and waits for the whole response."""
    try:
        request = outgoing(method, url, headers)
        content = request.body()
        pending = outgoing_handler.handle(request, None)
    except Err as error:
        raise RequestError(reason(error.value)) from None
    # The host reads the body while it is being written.
    write(content, body)
    with pending.subscribe() as ready:
        ready.block()
    match pending.get():
        case Ok(Ok(response)):
            return read(response)
        case Ok(Err(code)):
            raise RequestError(reason(code))
    raise RequestError(reason(None))


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
        # If the host stops reading, the response has the reason.
        pass


def read(response: types.IncomingResponse) -> Response:
    with response, response.headers() as fields, response.consume() as incoming, incoming.stream() as stream:
        body = bytearray()
        try:
            while True:
                body += stream.blocking_read(READ)
        except Err as error:
            if not isinstance(error.value, StreamError_Closed):
                raise RequestError(reason(types.http_error_code(error.value.value))) from None
        return Response(response.status(), fields.entries(), bytes(body))


def reason(code: object) -> str:
    """Returns the name of an error code, such as `HttpRequestDenied` for a request that the task may not send."""
    name = type(code).__name__
    return name.split("_", 1)[1] if "_" in name else "invalid or truncated response"
