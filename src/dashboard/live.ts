// The plant as the WebSocket tells it. /factory/status is asked once a connection stands, and again after events that
// change what no event carries (counters, stages); nothing is polled that an event tells.

import { batch, computed, signal, type Signal } from '@preact/signals';

import { forgetSchema } from './schema';
import { get, url, type FactoryStatus, type LineName, type Pacing, type PerLine } from './server';

export interface Message {
  seq?: number;
  process_name: string;
  status: string;
  timestamp: string;
  data: {
    batch_id: string | null;
    message: string;
    line_type?: LineName;
    machine_id?: string;
    step?: number;
    properties?: Record<string, number | boolean>;
    stage?: PerLine<string | null>;
    progress?: PerLine<number>;
    reason?: string;
    warnings?: string[];
    end_of_line?: Record<string, unknown>;
    attempt?: number;
    from?: number;
    to?: number;
    replayed?: boolean;
  };
}

export interface Machine {
  line: LineName;
  id: string;
  /** e.g. "coating_anode" */
  process: string;
  /** What it works on, or null when it is off. */
  batch: string | null;
  /** Grows with each change of its parameters. */
  changes: number;
  /** Something went wrong in it last time. */
  failed: boolean;
}

export interface Running {
  id: string;
  stage: PerLine<string | null>;
  progress: PerLine<number>;
}

export type Connection =
  | { state: 'connecting' }
  | { state: 'live' }
  | { state: 'lost'; since: Date; nextTry: Date | null };

/** A part of the life-cycle events that cannot be had any more. */
export interface Gap {
  from: number;
  to: number;
  at: Date;
}

export const connection = signal<Connection>({ state: 'connecting' });
/** What is shown may be old; nothing can be changed. */
export const stale = computed(() => connection.value.state !== 'live');
/** When the server was last heard of. */
export const asOf = signal<Date | null>(null);

/** In the order of the plant: line by line, machine by machine. Empty until the plant is known. */
export const machines = signal<Signal<Machine>[]>([]);
export const running = signal<Running[]>([]);
export const queue = signal<string[]>([]);
/** What events do not carry: counters, pacing, models, version. */
export const factory = signal<FactoryStatus | null>(null);
export const gaps = signal<Gap[]>([]);

export const pacing = computed<Pacing | null>(() => factory.value?.pacing ?? null);
export const lines = computed<LineName[]>(() => [...new Set(machines.value.map((machine) => machine.peek().line))]);

export function machineOf(process: string): Signal<Machine> | undefined {
  return machines.value.find((machine) => machine.peek().process === process);
}

type Listener = (messages: readonly Message[]) => void;
const listeners = new Set<Listener>();

/**
 * Life-cycle events and gaps as they come, many at a time.
 * @return ends it
 */
export function onMessages(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const FIRST_RETRY = 500;
const LAST_RETRY = 15_000;
const QUIET = 10_000; // then the server is asked whether it is there
const SILENT = 20_000; // then it is not
const GATHER = 50; // messages of so many milliseconds are shown at once
const REFRESH = 1_000; // between two looks at /factory/status that events make due
const LOOK_AGAIN = 15_000; // pacing has no event

let socket: WebSocket | null = null;
let retry = FIRST_RETRY;
let lastSeq: number | null = null;
let heard = 0;
let retryTimer = 0;
let waiting: Message[] = [];
let gatherTimer = 0;
let refreshTimer = 0;
let refreshed = 0;

/** Opens the connection and keeps it. */
export function start(): void {
  connect();
  setInterval(watch, 1_000);
  setInterval(() => {
    if (!stale.peek() && document.visibilityState === 'visible') void refresh();
  }, LOOK_AGAIN);
  addEventListener('online', tryNow);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState !== 'visible') return;
    if (stale.peek()) tryNow();
    else void refresh();
  });
}

/** Does not wait for the next try. */
export function tryNow(): void {
  if (socket) return;
  clearTimeout(retryTimer);
  connect();
}

/** The address of the events, e.g. with {since: "12"}. */
export function eventsUrl(query: Record<string, string>): URL {
  const address = url('ws/status');
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  return address;
}

function connect(): void {
  const opened = new WebSocket(eventsUrl(lastSeq === null ? { replay: '100' } : { since: String(lastSeq) }));
  socket = opened;
  heard = Date.now();
  opened.onopen = () => {
    heard = Date.now();
    void begin(opened);
  };
  opened.onmessage = (event: MessageEvent<string>) => {
    heard = Date.now();
    if (event.data.startsWith('{')) receive(JSON.parse(event.data) as Message);
  };
  opened.onclose = () => {
    if (socket === opened) lose();
  };
}

// The connection stands: once the plant's state is known too, all is as it says.
async function begin(opened: WebSocket): Promise<void> {
  try {
    await refresh();
  } catch {
    opened.close();
    return;
  }
  if (socket !== opened || opened.readyState !== WebSocket.OPEN) return;
  retry = FIRST_RETRY;
  connection.value = { state: 'live' };
}

function lose(): void {
  socket?.close();
  socket = null;
  // Half of it is left to chance, so that the clients of a server that was away do not come all at once.
  const pause = retry / 2 + (Math.random() * retry) / 2;
  retry = Math.min(retry * 2, LAST_RETRY);
  const before = connection.peek();
  const since = before.state === 'lost' ? before.since : new Date();
  connection.value = { state: 'lost', since, nextTry: new Date(Date.now() + pause) };
  clearTimeout(retryTimer);
  retryTimer = window.setTimeout(connect, pause);
}

// A connection can break without a word; the server answers any text (Echo: …).
let asked = 0;
function watch(): void {
  if (!socket) return;
  const silence = Date.now() - heard;
  if (silence > SILENT) {
    const silent = socket;
    socket = null;
    silent.onclose = null;
    silent.close();
    lose();
  } else if (silence > QUIET && socket.readyState === WebSocket.OPEN && Date.now() - asked > QUIET / 2) {
    asked = Date.now();
    socket.send('ping');
  }
  if (connection.peek().state === 'live' && silence < QUIET + 3_000) asOf.value = new Date(heard);
}

function receive(message: Message): void {
  waiting.push(message);
  if (gatherTimer === 0) gatherTimer = window.setTimeout(pass, GATHER);
}

function pass(): void {
  gatherTimer = 0;
  const messages = waiting;
  waiting = [];
  batch(() => {
    asOf.value = new Date(heard);
    for (const message of messages) apply(message);
    for (const listener of listeners) listener(messages);
  });
}

function apply(message: Message): void {
  const { data, status } = message;
  if (message.seq !== undefined) {
    if (lastSeq !== null && message.seq <= lastSeq && data.replayed) return;
    lastSeq = message.seq;
  }
  if (status === 'gap') {
    gaps.value = [...gaps.peek(), { from: data.from ?? 0, to: data.to ?? 0, at: new Date(message.timestamp) }];
    lastSeq = data.to ?? null;
    refreshSoon();
    return;
  }
  const id = data.batch_id;
  switch (status) {
    case 'batch_progress':
      if (id !== null) progressed(id, data.stage ?? {}, data.progress ?? {});
      return;
    case 'machine_turned_on':
      changeMachine(message.process_name, (machine) => ({ ...machine, batch: id, failed: false }));
      return;
    case 'machine_turned_off':
      changeMachine(message.process_name, (machine) => ({ ...machine, batch: null }));
      return;
    case 'machine_simulation_error':
      changeMachine(message.process_name, (machine) => ({ ...machine, failed: true }));
      return;
    case 'machine_parameters_updated':
      changeMachine(message.process_name, (machine) => ({ ...machine, changes: machine.changes + 1 }));
      return;
    case 'batch_requested':
      if (id !== null && !queue.peek().includes(id) && !data.replayed) queue.value = [...queue.peek(), id];
      break;
    case 'batch_started_processing':
      if (id !== null && !data.replayed) {
        queue.value = queue.peek().filter((one) => one !== id);
        if (!running.peek().some((one) => one.id === id))
          running.value = [...running.peek(), { id, stage: {}, progress: {} }];
      }
      break;
    case 'batch_completed':
    case 'batch_failed':
    case 'batch_cancelled':
      queue.value = queue.peek().filter((one) => one !== id);
      running.value = running.peek().filter((one) => one.id !== id);
      break;
  }
  refreshSoon();
}

function changeMachine(process: string, change: (machine: Machine) => Machine): void {
  const machine = machineOf(process);
  if (machine) machine.value = change(machine.peek());
}

function progressed(id: string, stage: Running['stage'], progress: Running['progress']): void {
  running.value = running.peek().map((one) => (one.id === id ? { id, stage, progress } : one));
}

function refreshSoon(): void {
  if (refreshTimer !== 0) return;
  const wait = Math.max(0, refreshed + REFRESH - Date.now());
  refreshTimer = window.setTimeout(() => {
    refreshTimer = 0;
    refresh().catch(() => undefined);
  }, wait);
}

/** Looks at /factory/status now, e.g. after the pacing was changed. */
export async function refresh(): Promise<void> {
  const status = await get<FactoryStatus>('factory/status');
  refreshed = Date.now();
  batch(() => {
    if (factory.peek() && factory.peek()?.models !== status.models) forgetSchema();
    factory.value = status;
    queue.value = status.queue;
    running.value = status.running.map((one) => ({ id: one.batch_id, stage: one.stage, progress: one.progress }));
    placeMachines(status);
  });
}

function placeMachines(status: FactoryStatus): void {
  const found: Signal<Machine>[] = [];
  let same = true;
  for (const [line, ofLine] of Object.entries(status.lines)) {
    for (const [id, state] of Object.entries(ofLine)) {
      const process = `${id}_${line}`;
      const known = machineOf(process);
      if (!known) same = false;
      const machine = known ?? signal<Machine>({ line, id, process, batch: null, changes: 0, failed: false });
      if (machine.peek().batch !== state.batch_id) machine.value = { ...machine.peek(), batch: state.batch_id };
      found.push(machine);
    }
  }
  if (!same || found.length !== machines.peek().length) machines.value = found;
}
