import { beforeEach, describe, expect, test } from 'vitest';
import { Link } from '../src/link/socket';
import type { ServerMessage } from '../src/protocol.gen';

class FakeSocket {
  readyState = 0;
  sent: { type: string; id?: string; [more: string]: unknown }[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  opens() {
    this.readyState = 1;
    this.onopen?.();
  }
  says(message: ServerMessage) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  ends(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }
  asked(type: string) {
    return this.sent.filter((command) => command.type === type);
  }
}

const PONG: ServerMessage = { type: 'pong', version: 7, now: '2026-01-01T00:00:00Z' };

let sockets: FakeSocket[];
let waits: { milliseconds: number; act: () => void; stopped: boolean }[];
let heard: string[];
let now: number;
let wanted: boolean;
let link: Link;

beforeEach(() => {
  sockets = [];
  waits = [];
  heard = [];
  now = 0;
  wanted = true;
  let ids = 0;
  link = new Link(
    {
      opened: () => heard.push('opened'),
      closed: (code) => heard.push(`closed ${code}`),
      said: (message) => heard.push(message.type),
      asked: () => {},
      givenUp: (_, sentence) => heard.push(sentence),
      version: () => 7,
      wanted: () => wanted,
    },
    {
      socket: () => {
        const socket = new FakeSocket();
        sockets.push(socket);
        return socket as unknown as WebSocket;
      },
      now: () => now,
      random: () => 1,
      newId: () => `id-${++ids}`,
      later: (act, milliseconds) => {
        const wait = { milliseconds, act, stopped: false };
        waits.push(wait);
        return () => (wait.stopped = true);
      },
    },
    15_000,
    1,
  );
});

const last = () => sockets.at(-1)!;

describe('the connection', () => {
  test('says its protocol first', () => {
    link.open();
    last().opens();
    expect(last().sent[0]).toMatchObject({ type: 'hello', protocol: 1 });
  });

  test('comes back with growing patience, and starts anew once the server has spoken', () => {
    link.open();
    const patience: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      last().ends();
      patience.push(waits.at(-1)!.milliseconds);
      waits.at(-1)!.act();
    }
    expect(patience).toEqual([250, 500, 1000, 2000, 2000, 2000]); // a server that is back has everybody back within three seconds
    last().opens();
    last().says(PONG);
    last().ends();
    expect(waits.at(-1)!.milliseconds).toBe(250);
  });

  test('hurries when the network is back', () => {
    link.open();
    last().ends();
    link.hurry();
    expect(sockets).toHaveLength(2);
    link.hurry();
    expect(sockets).toHaveLength(2);
    expect(waits.filter((wait) => !wait.stopped)).toHaveLength(1); // the one in which the new attempt must have opened
  });

  test('leaves behind an attempt that was begun while there was no network', () => {
    link.open();
    now = 1000;
    link.hurry();
    expect(sockets).toHaveLength(2);
    expect(sockets[0]!.readyState).toBe(3);
    waits.filter((wait) => !wait.stopped).at(-1)!.act(); // nor does the new one open
    expect(sockets[1]!.readyState).toBe(3);
    waits.at(-1)!.act();
    expect(sockets).toHaveLength(3);
  });

  test('that may have died unnoticed is asked, and left behind where it does not answer', () => {
    link.open();
    last().opens();
    link.hurry();
    expect(last().asked('ping')).toHaveLength(1);
    last().says(PONG);
    waits.at(-1)!.act();
    expect(sockets).toHaveLength(1);
    link.hurry();
    waits.at(-1)!.act();
    expect(sockets).toHaveLength(2);
    sockets[0]!.says({ ...PONG, version: 9 }); // it did live, and is not listened to any more
    expect(heard.filter((word) => word === 'pong')).toHaveLength(1);
  });

  test('is asked by the first heartbeat after the machine slept', () => {
    link.open();
    last().opens();
    link.beat();
    now = 9000;
    link.beat();
    waits.at(-1)!.act();
    expect(sockets).toHaveLength(2);
  });

  test('does not come back after a newer tab took over', () => {
    link.open();
    last().opens();
    wanted = false;
    last().ends(4409);
    link.hurry();
    expect(waits.filter((wait) => !wait.stopped)).toHaveLength(0);
    expect(sockets).toHaveLength(1);
    expect(heard).toContain('closed 4409');
  });
});

describe('the heartbeat', () => {
  test('carries the version on the screen', () => {
    link.open();
    last().opens();
    link.beat();
    expect(last().asked('ping')).toEqual([{ type: 'ping', version: 7 }]);
  });

  test('leaves a connection behind that has said nothing for too long', () => {
    link.open();
    const first = last();
    first.opens();
    now = 15_001;
    link.beat();
    expect(first.readyState).toBe(3);
    expect(heard.at(-1)).toBe('closed 1006');
    waits.at(-1)!.act();
    expect(sockets).toHaveLength(2);
    first.ends(); // its own end, much later, disturbs nobody
    expect(heard.filter((word) => word.startsWith('closed'))).toHaveLength(1);
  });
});

describe('a command', () => {
  test('without an answer is asked again under its id after the connection was lost', () => {
    link.open();
    last().opens();
    const id = link.ask({ type: 'go_ready' });
    last().ends();
    waits.at(-1)!.act();
    last().opens();
    expect(last().asked('go_ready')).toEqual([{ type: 'go_ready', id }]);
    last().says({ type: 'answer', id, ok: true });
    last().ends();
    waits.at(-1)!.act();
    last().opens();
    expect(last().asked('go_ready')).toEqual([]);
  });

  test('that stays without an answer is given up with a sentence', () => {
    link.open();
    last().opens();
    link.ask({ type: 'go_ready' });
    now = 10_000;
    last().says(PONG);
    now = 16_000;
    link.beat();
    expect(heard.filter((word) => word.startsWith('The server did not answer'))).toHaveLength(1);
    last().ends();
    waits.at(-1)!.act();
    last().opens();
    expect(last().sent.map((command) => command.type)).toEqual(['hello']);
  });

  test('that keeps what was entered is asked again however long it took', () => {
    link.open();
    last().opens();
    const id = link.ask({ type: 'save_note', interaction: 'a', note: 'x' });
    now = 100_000;
    link.beat();
    expect(heard.filter((word) => word.startsWith('The server did not answer'))).toHaveLength(0);
    waits.at(-1)!.act();
    last().opens();
    expect(last().asked('save_note')).toEqual([{ type: 'save_note', id, interaction: 'a', note: 'x' }]);
  });
});
