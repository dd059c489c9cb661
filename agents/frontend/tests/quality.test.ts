import { expect, test } from 'vitest';
import { counted, isBad, since } from '../src/phone/quality';

const REPORT = [
  { type: 'candidate-pair', nominated: false, currentRoundTripTime: 9 },
  { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.034 },
  { type: 'inbound-rtp', jitter: 0.002, packetsReceived: 100, packetsLost: 4, bytesReceived: 16_000, totalAudioEnergy: 0.5 },
  { type: 'outbound-rtp', bytesSent: 12_000 },
  { type: 'codec' },
];

test('the way that is used is the one that counts, in milliseconds', () => {
  expect(counted(REPORT)).toEqual({ rtt: 34, jitter: 2, received: 100, lost: 4, bytesIn: 16_000, bytesOut: 12_000, energyIn: 0.5 });
  expect(counted([]).rtt).toBeNull();
});

test('what is lost is counted since the last look', () => {
  const first = counted(REPORT);
  expect(since(first, first).loss).toBe(0);
  expect(since(first, { ...first, received: 190, lost: 14 }).loss).toBe(10);
});

test('what people would notice is bad', () => {
  expect(isBad({ rtt: 40, jitter: 3, loss: 0 })).toBe(false);
  expect(isBad({ rtt: 500, jitter: 3, loss: 0 })).toBe(true);
  expect(isBad({ rtt: null, jitter: null, loss: 6 })).toBe(true);
});
