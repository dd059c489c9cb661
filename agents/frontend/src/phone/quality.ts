/** How well one hears and is heard, from what the browser counts. Pure. */

export interface Counted {
  /** milliseconds there and back */
  readonly rtt: number | null;
  /** milliseconds */
  readonly jitter: number | null;
  readonly received: number;
  readonly lost: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly energyIn: number;
}

export interface Quality {
  readonly rtt: number | null;
  readonly jitter: number | null;
  /** percent of what should have come since the last look */
  readonly loss: number;
}

type Entry = Record<string, unknown> & { readonly type: string };

export function counted(report: Iterable<Entry>): Counted {
  let rtt: number | null = null;
  let jitter: number | null = null;
  let [received, lost, bytesIn, bytesOut, energyIn] = [0, 0, 0, 0, 0];
  for (const entry of report) {
    if (entry.type === 'candidate-pair' && entry['nominated'] && typeof entry['currentRoundTripTime'] === 'number') {
      rtt = entry['currentRoundTripTime'] * 1000;
    } else if (entry.type === 'inbound-rtp') {
      if (typeof entry['jitter'] === 'number') jitter = entry['jitter'] * 1000;
      received += number(entry['packetsReceived']);
      lost += number(entry['packetsLost']);
      bytesIn += number(entry['bytesReceived']);
      energyIn += number(entry['totalAudioEnergy']);
    } else if (entry.type === 'outbound-rtp') {
      bytesOut += number(entry['bytesSent']);
    }
  }
  return { rtt, jitter, received, lost, bytesIn, bytesOut, energyIn };
}

export function since(before: Counted, now: Counted): Quality {
  const lost = Math.max(0, now.lost - before.lost);
  const should = lost + Math.max(0, now.received - before.received);
  return { rtt: now.rtt, jitter: now.jitter, loss: should ? Math.round((100 * lost) / should) : 0 };
}

/** What people notice: half a second there and back, one word in twenty. */
export function isBad(quality: Quality): boolean {
  return quality.loss >= 5 || (quality.rtt ?? 0) >= 400 || (quality.jitter ?? 0) >= 50;
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
