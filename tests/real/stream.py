"""A body of any length that is never there as a whole: a multipart message whose one part repeats a block of noise.

The block's length is prime. So wherever bytes are lost, doubled or moved by the sizes in which buffers come, what follows does not fit.
"""

import random


class Body:
    """The body of `size` bytes, its last bytes the closing delimiter."""

    def __init__(self, size):
        self.size = size
        self._open = size - len(_TAIL)

    def pieces(self):
        """All of it, in views of at most a mebibyte."""
        at = 0
        while at < self._open:
            start = at % PERIOD
            piece = _noise[start : start + min(STEP, self._open - at)]
            yield piece
            at += len(piece)
        yield memoryview(_TAIL)


class Checker:
    """Compares what arrives with the body that should, as it arrives."""

    def __init__(self, size):
        self.received = 0
        self._size = size
        self._open = size - len(_TAIL)
        self._end = b""

    def take(self, view):
        """The next bytes, at most a mebibyte."""
        noise = max(0, min(len(view), self._open - self.received))
        if noise:
            start = self.received % PERIOD
            # bytes compare a thousand times faster than views do
            assert bytes(view[:noise]) == bytes(_noise[start : start + noise]), f"wrong bytes after {self.received}"
        self._end += bytes(view[noise:])
        self.received += len(view)
        assert self.received <= self._size, "more bytes than were sent"

    def finish(self):
        """The end has come: it must be the end."""
        assert self.received == self._size, f"{self.received} of {self._size} bytes"
        assert self._end == _TAIL, "the end is not the end that was sent"


BOUNDARY = "a-very-large-study"
CONTENT_TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
STEP = 1 << 20
PERIOD = 1_048_583
_HEAD = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
_TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()
_block = _HEAD + random.Random(18).randbytes(PERIOD - len(_HEAD))
_noise = memoryview(_block * 2 + _block[:STEP])
