"""An announcement as a person uploads it, made into what a telephone exchange plays: WAV, 8 kHz, mono, 16 bit."""

import io
import re
import wave
from dataclasses import dataclass

import miniaudio

RATE = 8000  # samples a second
SHORTEST, LONGEST = 0.3, 600.0  # seconds
LARGEST = 30 * 1024 * 1024  # bytes
QUIET = 200  # of 32767: nobody hears less
_NAME = re.compile(r"(sound:)?[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def is_announcement(media: str) -> bool:
    """Whether an exchange can be asked to say what is named so; it is a part of what it carries out."""
    return _NAME.fullmatch(media) is not None


@dataclass(frozen=True, slots=True)
class Playable:
    wav: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Unplayable:
    why: str


def playable(file: bytes) -> Playable | Unplayable:
    """Any WAV, MP3, FLAC or Ogg Vorbis, resampled with a low-pass filter."""
    if len(file) > LARGEST:
        return Unplayable(f"The file is larger than {LARGEST // 1024 // 1024} MB. An announcement is short: upload it as MP3.")
    try:
        sound = miniaudio.decode(file, output_format=miniaudio.SampleFormat.SIGNED16, nchannels=1, sample_rate=RATE)
    except miniaudio.MiniaudioError:
        return Unplayable("This is no sound file that can be read. Upload a WAV, MP3, FLAC or Ogg file.")
    seconds = len(sound.samples) / RATE
    if seconds < SHORTEST:
        return Unplayable("There is hardly anything in this file. Was the right one chosen?")
    if seconds > LONGEST:
        return Unplayable(f"This lasts for {seconds / 60:.0f} minutes. An announcement lasts for {LONGEST / 60:.0f} minutes at most.")
    if max(map(abs, sound.samples)) < QUIET:
        return Unplayable("Nothing is to be heard in this file. Record it again, nearer to the microphone.")
    made = io.BytesIO()
    with wave.open(made, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(sound.samples.tobytes())
    return Playable(made.getvalue(), seconds)
