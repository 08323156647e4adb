"""Requests by hand, for clients that stop in the middle."""

from __future__ import annotations

import http.client
import socket
import time

from .server import Answer, Credentials, Server, sign_headers


def head(
    server: Server, credentials: Credentials, method: str, path: str, length: int | None = None
) -> bytes:
    """The signed head of a request; with `length`, of one whose body is not signed."""
    headers = {}
    if length is not None:
        headers = {"Content-Length": str(length), "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    headers = sign_headers(credentials, "s3", method, f"{server.endpoint}{path}", headers, b"")
    headers.setdefault("Host", f"127.0.0.1:{server.port}")
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def connect(server: Server, seconds: float = 30, receive_bytes: int | None = None) -> socket.socket:
    """A connection to the server; with `receive_bytes`, one that takes little before it is read."""
    connection = socket.socket()
    if receive_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(seconds)
    connection.connect(("127.0.0.1", server.port))
    return connection


def answer(connection: socket.socket, method: str = "GET") -> Answer:
    """The next answer on a connection."""
    came = http.client.HTTPResponse(connection, method=method)
    came.begin()
    headers = {name.lower(): value for name, value in came.getheaders()}
    return Answer(came.status, headers, came.read())


def seconds_until_closed(connection: socket.socket) -> tuple[float, bytes]:
    """How long the server keeps a connection open, and what it still says on it."""
    began, said = time.monotonic(), b""
    try:
        while part := connection.recv(65536):
            said += part
    except ConnectionResetError:
        pass
    return time.monotonic() - began, said
