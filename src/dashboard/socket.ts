// A WebSocket to the server's events that is opened again when it breaks, also when it breaks without a word.

import { token, wanted } from './access';
import { url } from './server';

const FIRST_RETRY = 500;
const LAST_RETRY = 15_000;
const QUIET = 10_000; // then the server is asked whether it is there
const SILENT = 10_000; // after that, without an answer, it is not
const LOOK = 1_000;
const STEADY = 10_000; // after so long a break is the first again; before, the server is left in peace a little longer

export interface Ends {
  /** What is asked for, e.g. {since: "12"}. */
  query(): Record<string, string>;
  /** @param lost  is aborted when this connection ends */
  opened(lost: AbortSignal): void;
  /** Any text, also the answer to a question whether the server is there. */
  heard(text: string): void;
  /** It could not be opened; the browser does not say why. */
  refused?(): void;
  lost?(nextTry: Date): void;
  /** Each second while there is a connection. */
  watched?(): void;
}

export class Socket {
  /** When the server was last heard of. */
  heardAt = 0;

  private socket: WebSocket | null = null;
  private lost = new AbortController();
  private retry = FIRST_RETRY;
  private settledAt: number | null = null;
  /** Since when an answer is waited for. */
  private asked: number | null = null;
  private timer = 0;
  private readonly watcher: number;

  constructor(private readonly ends: Ends) {
    this.watcher = window.setInterval(() => this.watch(), LOOK);
    this.connect();
  }

  /** Does not wait for the next try. */
  tryNow(): void {
    if (this.socket) return;
    clearTimeout(this.timer);
    this.connect();
  }

  send(text: string): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
  }

  /** Asks the server whether it is there. It answers any text (Echo: …). */
  ask(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.asked ??= Date.now();
    this.socket.send('ping');
  }

  /** All is well. */
  settled(): void {
    this.settledAt = Date.now();
  }

  /** This connection is of no use. It is opened again after a pause. */
  drop(): void {
    const { socket } = this;
    this.socket = null;
    socket?.close();
    this.lost.abort();
    if (this.settledAt !== null && Date.now() - this.settledAt > STEADY) this.retry = FIRST_RETRY;
    this.settledAt = null;
    // Half of it is left to chance, so that the clients of a server that was away do not come all at once.
    const pause = this.retry / 2 + (Math.random() * this.retry) / 2;
    this.retry = Math.min(this.retry * 2, LAST_RETRY);
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.connect(), pause);
    this.ends.lost?.(new Date(Date.now() + pause));
  }

  /** For good. */
  close(): void {
    clearTimeout(this.timer);
    clearInterval(this.watcher);
    const { socket } = this;
    this.socket = null;
    socket?.close();
    this.lost.abort();
  }

  private connect(): void {
    // Without a token that is good there is no use in asking.
    if (wanted.peek()) {
      this.timer = window.setTimeout(() => this.connect(), FIRST_RETRY);
      return;
    }
    const began = Date.now();
    const opened = new WebSocket(eventsUrl(this.ends.query()));
    this.socket = opened;
    this.lost = new AbortController();
    this.asked = Date.now();
    opened.onopen = () => {
      if (this.socket !== opened) return;
      this.hear();
      this.ends.opened(this.lost.signal);
      this.ask();
    };
    opened.onmessage = (event: MessageEvent<string>) => {
      if (this.socket !== opened) return;
      this.hear();
      this.ends.heard(event.data);
    };
    opened.onclose = () => {
      if (this.socket !== opened) return;
      if (this.heardAt < began) this.ends.refused?.();
      this.drop();
    };
  }

  // Silence alone means nothing: the browser runs the timers of a tab that nobody sees once a minute only.
  private watch(): void {
    if (!this.socket) return;
    const now = Date.now();
    if (this.asked !== null && now - this.asked > SILENT) this.drop();
    else if (this.asked === null && now - this.heardAt > QUIET) this.ask();
    this.ends.watched?.();
  }

  private hear(): void {
    this.heardAt = Date.now();
    this.asked = null;
  }
}

function eventsUrl(query: Record<string, string>): URL {
  const address = url('ws/status');
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  // A script can set no field there.
  if (token.peek()) address.searchParams.set('access_token', token.peek());
  return address;
}
