/** Gentle tones of our own: no sound file, nothing before the agent has touched the page. */

let audio: AudioContext | null = null;
let ringing: ReturnType<typeof setInterval> | undefined;

/** Browsers let a page be heard only after a click or a key. */
export function allowSound(): void {
  try {
    audio ??= new AudioContext();
    void audio.resume();
  } catch {
    audio = null; // no sound here; the alert is on the screen as well
  }
}

export function ring(on: boolean): void {
  if (!on) {
    clearInterval(ringing);
    ringing = undefined;
  } else if (ringing === undefined) {
    bell();
    ringing = setInterval(bell, 2400);
  }
}

/** Two soft notes, a fourth apart. */
export function bell(): void {
  tone(659.3, 0, 0.09);
  tone(880, 0.18, 0.07);
}

/** Somebody is on the line. */
export function beep(): void {
  tone(784, 0, 0.05, 0.18);
}

function tone(frequency: number, after: number, volume: number, length = 1.1): void {
  if (audio?.state !== 'running') return;
  const at = audio.currentTime + after;
  const source = audio.createOscillator();
  const gain = audio.createGain();
  source.type = 'sine';
  source.frequency.value = frequency;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(volume, at + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.0001, at + length);
  source.connect(gain).connect(audio.destination);
  source.start(at);
  source.stop(at + length + 0.05);
}
