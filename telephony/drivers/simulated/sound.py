"""What the file of a simulated recording holds: a soft tone, so that who plays it hears that it plays."""

from __future__ import annotations

import math
import struct
import wave
from functools import lru_cache
from typing import BinaryIO

RATE = 8000  # samples a second, 16 bits each
SOFT = 2000


def write_tone(into: BinaryIO, lasts: float) -> None:
    """A WAV, 8 kHz, mono, 16 bit, of so many seconds."""
    left = max(0, round(lasts * RATE))
    with wave.open(into, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        while left > 0:
            file.writeframes(_second()[: left * 2])
            left -= RATE


@lru_cache(maxsize=1)
def _second() -> bytes:
    return b"".join(struct.pack("<h", int(SOFT * math.sin(2 * math.pi * 220 * at / RATE))) for at in range(RATE))
