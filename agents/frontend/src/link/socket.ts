/** The connection: opened again and again with patience, its silence noticed, its unanswered commands asked again under the same id. */

import type { ClientCommand, ServerMessage } from '../protocol.gen';
import { t } from '../i18n';

/** A command without its id. */
export type Wish = Wished<Exclude<ClientCommand, { type: 'ping' }>>;
type Wished<C> = C extends unknown ? Omit<C, 'id'> : never;

export interface Listener {
  opened(): void;
  closed(code: number): void;
  said(message: ServerMessage): void;
  asked(id: string, command: ClientCommand['type']): void;
  givenUp(id: string, sentence: string): void;
  /** the version on the screen, for the heartbeat */
  version(): number;
  /** false once this page must not come back by itself */
  wanted(): boolean;
}

/** What the surroundings provide; tests bring their own. */
export interface World {
  socket(): WebSocket;
  now(): number;
  random(): number;
  newId(): string;
  later(act: () => void, milliseconds: number): () => void;
}

const FIRST_WAIT = 250;
const LONGEST_WAIT = 10_000;
/** a command older than this is not asked again: the agent has moved on */
const STALE = 15_000;

export class Link {
  private socket: WebSocket | null = null;
  private failures = 0;
  private heard = 0;
  private stopWaiting: (() => void) | null = null;
  private readonly unanswered = new Map<string, { command: ClientCommand; at: number }>();

  constructor(
    private readonly listener: Listener,
    private readonly world: World,
    private readonly silence: number,
    private readonly protocol: number,
  ) {}

  open(): void {
    this.stopWaiting?.();
    this.stopWaiting = null;
    if (this.socket) return;
    const socket = this.world.socket();
    this.socket = socket;
    this.heard = this.world.now();
    socket.onopen = () => this.opened(socket);
    socket.onmessage = (event: MessageEvent<string>) => this.received(event.data);
    socket.onclose = (event: CloseEvent) => this.lost(socket, event.code);
  }

  /** At once, where a wait was on: the network is back, or somebody looks at the page again. */
  hurry(): void {
    if (!this.socket && this.listener.wanted()) this.open();
  }

  ask(wish: Wish): string {
    const command = { ...wish, id: this.world.newId() } as Exclude<ClientCommand, { type: 'ping' }>;
    this.unanswered.set(command.id, { command, at: this.world.now() });
    this.listener.asked(command.id, command.type);
    this.send(command);
    return command.id;
  }

  /** Each heartbeat: says what is on the screen, and notices when nothing was heard for too long. */
  beat(): void {
    const now = this.world.now();
    for (const [id, { at }] of this.unanswered) {
      if (now - at > STALE) this.giveUp(id);
    }
    if (!this.socket) return;
    if (now - this.heard > this.silence) {
      this.drop(this.socket);
      return;
    }
    this.send({ type: 'ping', version: this.listener.version() });
  }

  private opened(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.heard = this.world.now();
    this.listener.opened();
    this.ask({ type: 'hello', protocol: this.protocol });
    for (const { command } of this.unanswered.values()) {
      if (command.type !== 'hello') this.send(command);
    }
  }

  private received(text: string): void {
    this.heard = this.world.now();
    this.failures = 0; // not at the opening: a server that opens and closes at once is not well
    const message = JSON.parse(text) as ServerMessage;
    if (message.type === 'answer' && message.id) this.unanswered.delete(message.id);
    this.listener.said(message);
  }

  private lost(socket: WebSocket, code: number): void {
    if (socket !== this.socket) return;
    this.socket = null;
    for (const [id, { command }] of this.unanswered) {
      if (command.type === 'hello') this.unanswered.delete(id);
    }
    this.listener.closed(code);
    if (!this.listener.wanted()) return;
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.failures) * (0.5 + this.world.random() / 2);
    this.failures += 1;
    this.stopWaiting = this.world.later(() => this.open(), wait);
  }

  /** A dead connection may take minutes to say so: it is left behind. */
  private drop(socket: WebSocket): void {
    this.lost(socket, 1006);
    socket.close();
  }

  private giveUp(id: string): void {
    const asked = this.unanswered.get(id);
    this.unanswered.delete(id);
    if (asked && !['save_note', 'hello'].includes(asked.command.type)) {
      this.listener.givenUp(id, t('The server did not answer. Look at what the screen says now, and try again.'));
    }
  }

  private send(command: ClientCommand): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(command));
  }
}
