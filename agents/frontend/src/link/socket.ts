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
/** a server that is back has its agents back within three seconds */
const LONGEST_WAIT = 2000;
/** an attempt begun while there was no network hangs long after there is one */
const OPENS_WITHIN = 2500;
const JUST_BEGUN = 500;
/** how long a connection that may have died unnoticed has for an answer */
const ANSWERS_WITHIN = 1500;
/** a command older than this is not asked again: the agent has moved on */
const STALE = 15_000;
/** what the agent has entered is, however long it takes */
const KEPT: ReadonlySet<string> = new Set(['save_note', 'save_draft', 'schedule_callback']);

export class Link {
  private socket: WebSocket | null = null;
  private failures = 0;
  private heard = 0;
  /** how many messages were received, to know whether one more has come */
  private messages = 0;
  private beaten: number | null = null;
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
    socket.onmessage = (event: MessageEvent<string>) => {
      if (socket === this.socket) this.received(event.data);
    };
    socket.onclose = (event: CloseEvent) => this.lost(socket, event.code);
    this.stopWaiting = this.world.later(() => this.drop(socket), OPENS_WITHIN);
  }

  /** The network is back, somebody looks at the page again, or the machine slept: connects at once, and asks a connection whether it lives. */
  hurry(): void {
    if (!this.listener.wanted()) return;
    const { socket, messages } = this;
    if (!socket) return this.open();
    if (socket.readyState !== 1) {
      if (this.world.now() - this.heard < JUST_BEGUN) return;
      this.drop(socket);
      return this.open();
    }
    this.ping();
    this.world.later(() => {
      if (socket !== this.socket || messages !== this.messages) return;
      this.drop(socket);
      this.open();
    }, ANSWERS_WITHIN);
  }

  ask(wish: Wish): string {
    const command = { ...wish, id: this.world.newId() } as Exclude<ClientCommand, { type: 'ping' }>;
    this.unanswered.set(command.id, { command, at: this.world.now() });
    this.listener.asked(command.id, command.type);
    this.send(command);
    return command.id;
  }

  /** What has no answer yet is not asked again: somebody else has gone on since. */
  forget(): void {
    this.unanswered.clear();
  }

  /** Each heartbeat: says what is on the screen, and notices when nothing was heard for too long. */
  beat(): void {
    const now = this.world.now();
    const slept = this.beaten !== null && now - this.beaten > this.silence / 2;
    this.beaten = now;
    for (const [id, { at, command }] of this.unanswered) {
      if (now - at > STALE && !KEPT.has(command.type)) this.giveUp(id);
    }
    if (!this.socket) return;
    if (now - this.heard > this.silence) this.drop(this.socket);
    else if (slept) this.hurry();
    else this.ping();
  }

  private ping(): void {
    this.send({ type: 'ping', version: this.listener.version() });
  }

  private opened(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.stopWaiting?.();
    this.heard = this.world.now();
    this.ask({ type: 'hello', protocol: this.protocol });
    const earlier = [...this.unanswered.values()].map(({ command }) => command).filter(({ type }) => type !== 'hello');
    // what was entered before, then what has been entered since, so that it is not overwritten; then all else: Done looks at what is there by then
    for (const command of earlier) if (KEPT.has(command.type)) this.send(command);
    this.listener.opened();
    for (const command of earlier) if (!KEPT.has(command.type)) this.send(command);
  }

  private received(text: string): void {
    this.heard = this.world.now();
    this.messages += 1;
    this.failures = 0; // not at the opening: a server that opens and closes at once is not well
    const message = JSON.parse(text) as ServerMessage;
    if (message.type === 'answer' && message.id) this.unanswered.delete(message.id);
    this.listener.said(message);
  }

  private lost(socket: WebSocket, code: number): void {
    if (socket !== this.socket) return;
    this.socket = null;
    this.stopWaiting?.();
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
    if (asked && asked.command.type !== 'hello') {
      this.listener.givenUp(id, t('The server did not answer. Look at what the screen says now, and try again.'));
    }
  }

  private send(command: ClientCommand): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(command));
  }
}
