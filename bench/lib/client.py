"""A client of raw messages, for what pgbench cannot do: COPY, and thousands of clients that wait."""

import socket
import struct

PROTOCOL_3_0 = 196_608
CHUNK = 256 * 1024


def message(kind, body):
    """A message of the protocol."""
    return kind + struct.pack("!I", len(body) + 4) + body


class Client:
    """A client that is logged in."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.rest = b""
        fields = b"user\0postgres\0database\0postgres\0\0"
        self.socket.sendall(struct.pack("!II", len(fields) + 8, PROTOCOL_3_0) + fields)
        self.until(b"Z")

    def _more(self):
        bytes_ = self.socket.recv(CHUNK)
        if not bytes_:
            raise ConnectionError("the connection was closed")
        self.rest += bytes_

    def next(self):
        """The kind and the body of the next message."""
        while len(self.rest) < 5 or len(self.rest) < 1 + struct.unpack_from("!I", self.rest, 1)[0]:
            self._more()
        end = 1 + struct.unpack_from("!I", self.rest, 1)[0]
        kind, body, self.rest = self.rest[:1], self.rest[5:end], self.rest[end:]
        if kind == b"E":
            raise ConnectionError(body.replace(b"\0", b" ").decode(errors="replace"))
        return kind, body

    def until(self, wanted):
        """Reads up to a message of that kind."""
        while self.next()[0] != wanted:
            pass

    def query(self, text):
        """A simple query up to its end."""
        self.socket.sendall(message(b"Q", text.encode() + b"\0"))
        self.until(b"Z")

    def copy_out(self, text):
        """A COPY TO STDOUT, looked at only for its end, which this side must not slow down. Bytes received."""
        self.socket.sendall(message(b"Q", text.encode() + b"\0"))
        buffer, received, tail = memoryview(bytearray(CHUNK)), 0, b""
        # ReadyForQuery in a transaction of its own.
        end = message(b"Z", b"I")
        while not tail.endswith(end):
            count = self.socket.recv_into(buffer)
            if count == 0:
                raise ConnectionError("the connection was closed")
            received += count
            tail = (tail + bytes(buffer[max(0, count - len(end)):count]))[-len(end):]
        return received

    def copy_in(self, text, data, times):
        """A COPY FROM STDIN of `times` times the CopyData messages `data`."""
        self.socket.sendall(message(b"Q", text.encode() + b"\0"))
        self.until(b"G")
        for _ in range(times):
            self.socket.sendall(data)
        self.socket.sendall(message(b"c", b""))
        self.until(b"Z")

    def close(self):
        """Says goodbye."""
        try:
            self.socket.sendall(message(b"X", b""))
        except OSError:
            pass
        self.socket.close()
