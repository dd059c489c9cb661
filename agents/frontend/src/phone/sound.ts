/** The microphone and the loudspeaker of this page: which there are, which is used, how loud it is. */

import { computed, signal } from '@preact/signals';

/** What is wrong with the microphone, in the browser's way of telling it. */
export type MicrophoneTrouble = 'insecure' | 'denied' | 'none' | 'busy';

export const microphone = signal<MediaStream | null>(null);
export const trouble = signal<MicrophoneTrouble | null>(null);
/** the operating system, or a switch on the headset, has silenced it */
export const silenced = signal(false);
export const devices = signal<readonly MediaDeviceInfo[]>([]);
export const inputs = computed(() => devices.value.filter((one) => one.kind === 'audioinput'));
export const outputs = computed(() => devices.value.filter((one) => one.kind === 'audiooutput'));
export const input = signal(remembered('ringmaster-microphone'));
export const output = signal(remembered('ringmaster-loudspeaker'));

const speaker = new Audio();
speaker.autoplay = true;

/** Called on a click: the browser asks the agent. Again later, where the agent has said yes, it does not ask. */
export async function openMicrophone(): Promise<MediaStream | null> {
  const open = microphone.value?.getAudioTracks()[0];
  if (open?.readyState === 'live') return microphone.value;
  if (!isSecureContext || !navigator.mediaDevices) {
    trouble.value = 'insecure';
    return null;
  }
  try {
    return taken(await navigator.mediaDevices.getUserMedia({ audio: wanted(input.value) }));
  } catch (error) {
    if (input.value && (error as DOMException).name === 'OverconstrainedError') {
      choose('input', ''); // the one remembered was unplugged
      return openMicrophone();
    }
    trouble.value = troubleOf(error);
    return null;
  }
}

/** Whether the agent has allowed it before, so that nobody is asked. */
export async function isAllowed(): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: 'microphone' as PermissionName })).state === 'granted';
  } catch {
    return false; // a browser that does not tell: the agent clicks
  }
}

export function closeMicrophone(): void {
  for (const track of microphone.value?.getTracks() ?? []) track.stop();
  microphone.value = null;
  silenced.value = false;
}

/** Another device; remembered for the next shift. */
export function choose(which: 'input' | 'output', id: string): void {
  (which === 'input' ? input : output).value = id;
  try {
    localStorage.setItem(which === 'input' ? 'ringmaster-microphone' : 'ringmaster-loudspeaker', id);
  } catch {
    // a browser that remembers nothing
  }
  if (which === 'output') sinkOf(speaker);
}

export function play(sound: MediaStream | null): void {
  speaker.srcObject = sound;
  sinkOf(speaker);
  if (sound) void speaker.play().catch(() => undefined); // it plays as soon as the agent touches the page
}

/** Two notes where the agent is to hear the customer. */
export async function playTestSound(): Promise<void> {
  const context = new AudioContext();
  const into = context.createMediaStreamDestination();
  const heard = new Audio();
  heard.srcObject = into.stream;
  sinkOf(heard);
  [523.3, 659.3].forEach((frequency, nth) => {
    const at = context.currentTime + nth * 0.35;
    const source = context.createOscillator();
    const gain = context.createGain();
    source.frequency.value = frequency;
    gain.gain.setValueAtTime(0.0001, at);
    gain.gain.exponentialRampToValueAtTime(0.3, at + 0.03);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.6);
    source.connect(gain).connect(into);
    source.start(at);
    source.stop(at + 0.65);
  });
  await heard.play();
  await new Promise((over) => setTimeout(over, 1300));
  await context.close();
}

/** Tells how loud the microphone is, 0 to 1, some twenty times a second, until the function it returns is called. */
export function measure(stream: MediaStream, tell: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const loudness = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    tell(Math.min(1, loudness * 4));
  }, 50);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

export async function lookForDevices(): Promise<void> {
  devices.value = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
}

export function troubleOf(error: unknown): MicrophoneTrouble {
  switch ((error as DOMException)?.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'none';
    default:
      return 'busy';
  }
}

function taken(stream: MediaStream): MediaStream {
  const track = stream.getAudioTracks()[0];
  trouble.value = null;
  silenced.value = track?.muted ?? false;
  if (track) {
    track.onmute = () => (silenced.value = true);
    track.onunmute = () => (silenced.value = false);
    track.onended = () => {
      microphone.value = null; // unplugged, or taken away in the browser's settings
      trouble.value = 'none';
    };
  }
  microphone.value = stream;
  void lookForDevices(); // only now have they names
  return stream;
}

function wanted(id: string): MediaTrackConstraints {
  return { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...(id ? { deviceId: { exact: id } } : {}) };
}

function sinkOf(element: HTMLAudioElement): void {
  const sink = element as HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> };
  void sink.setSinkId?.(output.value).catch(() => choose('output', ''));
}

function remembered(name: string): string {
  try {
    return localStorage.getItem(name) ?? '';
  } catch {
    return '';
  }
}

navigator.mediaDevices?.addEventListener?.('devicechange', () => void lookForDevices());
