// The plant as the WebSocket tells it. /factory/status is asked once a connection stands, and again after events that
// change what no event carries (counters, stages); nothing is polled that an event tells.

import { batch, computed, signal, type Signal } from '@preact/signals';

import { forgetSchema } from './schema';
import { get, Refusal, type FactoryStatus, type LineName, type Pacing, type PerLine } from './server';
import { Socket } from './socket';

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
 * Not from the server: said before the first event of one that began anew, numbers its events from 1 again, and may have
 * other batches.
 */
export const ANEW = 'server_started_anew';

/**
 * Events and gaps as they come, many at a time. Each life-cycle event comes once, in order.
 * @return ends it
 */
export function onMessages(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const FRESH = 13_000; // so long after the server was heard of, what is shown is as of now
const GATHER = 50; // messages of so many milliseconds are shown at once
const REFRESH = 1_000; // between two looks at /factory/status that events make due
const LOOK_AGAIN = 15_000; // pacing has no event
const MOST = 5_000; // messages that wait for a timer, which comes late in a tab that nobody sees

let socket: Socket | null = null;
/** The last event, by which the server's events are known again. No timestamp: it is among those that are gone. */
let last: { seq: number; timestamp: string | null } | null = null;
/** Whether the server has had as many events as it is asked to go on from. */
let known = true;
let answered = (): void => undefined;
let waiting: Message[] = [];
let gatherTimer = 0;
let refreshTimer = 0;
let refreshed = 0;

/** Opens the connection and keeps it. */
export function start(): void {
  socket = new Socket({ query, opened: (lost) => void begin(lost), heard, refused, lost, watched });
  setInterval(() => {
    if (!stale.peek() && document.visibilityState === 'visible') refresh().catch(() => undefined);
  }, LOOK_AGAIN);
  addEventListener('online', lookNow);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') lookNow();
  });
}

/** Does not wait for the next try. */
export function tryNow(): void {
  socket?.tryNow();
}

// The computer may have slept, or changed its network: whether the connection still stands is asked at once.
function lookNow(): void {
  if (stale.peek()) tryNow();
  else {
    socket?.ask();
    refresh().catch(() => undefined);
  }
}

// The last event is asked for once more: if another one comes in its place, or none, the server is not the one it was.
function query(): Record<string, string> {
  pass();
  known = last === null;
  return last ? { since: String(Math.max(0, last.seq - 1)) } : { replay: '100' };
}

function heard(text: string): void {
  if (typeof text !== 'string' || !text.startsWith('{')) return answered();
  const message = understood(text);
  if (message) receive(message);
}

// What is no message, perhaps of something between here and the server, must not stop those that come after it.
function understood(text: string): Message | null {
  try {
    const message = JSON.parse(text) as Message;
    const { status, process_name: process, data, seq, timestamp } = message;
    const good =
      typeof status === 'string' &&
      typeof process === 'string' &&
      typeof data === 'object' &&
      data !== null &&
      (seq === undefined || Number.isSafeInteger(seq)) &&
      !Number.isNaN(Date.parse(timestamp));
    if (!good) return null;
    if (!Array.isArray(data.warnings)) delete data.warnings;
    return message;
  } catch {
    return null;
  }
}

// The connection stands: once the plant's state is known too, and whose events come, all is as it says. The events that
// were asked for, if there are any, come before the answer to the question that the socket begins with.
async function begin(lost: AbortSignal): Promise<void> {
  const answer = new Promise<void>((resolve) => (answered = resolve));
  stopLook?.abort(); // one that began while nobody was there
  try {
    await Promise.all([refresh(), answer]);
  } catch {
    if (!lost.aborted) socket?.drop();
    return;
  }
  if (lost.aborted) return;
  pass();
  if (!known) beginAnew();
  socket?.settled();
  // The server may be another one after it was away.
  if (connection.peek().state === 'lost') forgetSchema();
  connection.value = { state: 'live' };
}

// It has exactly the events before the last: nothing came, not even a gap.
function beginAnew(): void {
  const before = last?.seq ?? 0;
  last = before > 1 ? { seq: before - 1, timestamp: null } : null;
  known = true;
  deliver([anew({ timestamp: new Date().toISOString() })]);
}

// Perhaps the server wants an access token: the answer to this says so.
function refused(): void {
  get('factory/status').catch(() => undefined);
}

function lost(nextTry: Date): void {
  stopLook?.abort(new Refusal(0, 'The connection to the server is lost'));
  const before = connection.peek();
  connection.value = { state: 'lost', since: before.state === 'lost' ? before.since : new Date(), nextTry };
}

function watched(): void {
  const at = socket?.heardAt ?? 0;
  if (connection.peek().state === 'live' && Date.now() - at < FRESH) asOf.value = new Date(at);
}

function receive(message: Message): void {
  if (message.seq !== undefined || message.status === 'gap') known = true;
  waiting.push(message);
  if (waiting.length >= MOST) pass();
  else if (gatherTimer === 0) gatherTimer = window.setTimeout(pass, GATHER);
}

function pass(): void {
  clearTimeout(gatherTimer);
  gatherTimer = 0;
  if (waiting.length === 0) return;
  const messages = waiting;
  waiting = [];
  deliver(messages.flatMap(inOrder));
}

function deliver(messages: readonly Message[]): void {
  batch(() => {
    asOf.value = new Date(socket?.heardAt ?? Date.now());
    for (const message of messages) apply(message);
    for (const listener of listeners) {
      try {
        listener(messages);
      } catch (error) {
        reportError(error); // the others are told all the same
      }
    }
  });
}

// What is to be made of a message after those before it: nothing if it is known, more if the server began anew.
function inOrder(message: Message): Message[] {
  if (message.status === 'gap') return gapInOrder(message);
  if (message.seq === undefined) return [message];
  const before = last;
  if (before && message.seq === before.seq && (before.timestamp ?? message.timestamp) === message.timestamp) return [];
  last = { seq: message.seq, timestamp: message.timestamp };
  return before && message.seq <= before.seq ? [anew(message), message] : [message];
}

function gapInOrder(message: Message): Message[] {
  const from = message.data.from ?? 0;
  const to = message.data.to ?? 0;
  if (last && to < last.seq) {
    // The server has never had as many: the "gap" is all that it has, and follows.
    last = from > 1 ? { seq: from - 1, timestamp: null } : null;
    return [anew(message)];
  }
  const seen = last?.seq ?? 0;
  last = { seq: to, timestamp: seen === to ? (last?.timestamp ?? null) : null };
  return to > seen ? [{ ...message, data: { ...message.data, from: Math.max(from, seen + 1), to } }] : [];
}

const anew = ({ timestamp }: Pick<Message, 'timestamp'>): Message => ({
  process_name: '',
  status: ANEW,
  timestamp,
  data: { batch_id: null, message: 'The server started anew' },
});

/** Events since the page was opened that tell what /factory/status tells too. */
let applied = 0;

function apply(message: Message): void {
  const { data, status } = message;
  if (message.seq !== undefined && !data.replayed) ++applied;
  if (status === 'gap' || status === ANEW) {
    if (status === 'gap')
      gaps.value = [...gaps.peek(), { from: data.from ?? 0, to: data.to ?? 0, at: new Date(message.timestamp) }];
    // Nobody knows what was changed meanwhile.
    for (const machine of machines.peek()) machine.value = { ...machine.peek(), changes: machine.peek().changes + 1 };
    refreshSoon();
    return;
  }
  const id = data.batch_id;
  switch (status) {
    case 'batch_progress':
      if (id !== null) progressed(id, data.stage ?? {}, data.progress ?? {});
      return;
    case 'machine_turned_on':
      // What is replayed is older than the state that was asked for when the connection stood.
      changeMachine(message.process_name, (machine) => ({
        ...machine,
        batch: data.replayed ? machine.batch : id,
        failed: false,
      }));
      return;
    case 'machine_turned_off':
      if (!data.replayed) changeMachine(message.process_name, (machine) => ({ ...machine, batch: null }));
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

/** The machine of that line that the batch is in, as its events tell, or else waits for, as the progress tells a little later. */
export function stageOf(of: Running, line: LineName): string | null {
  const inside = machines.value.find((machine) => machine.peek().line === line && machine.value.batch === of.id);
  return inside ? inside.peek().id : (of.stage[line] ?? null);
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

let look: Promise<void> | null = null;
let nextLook: Promise<void> | null = null;
let stopLook: AbortController | null = null;

/** Looks at /factory/status now, e.g. after the pacing was changed. */
export function refresh(): Promise<void> {
  if (!look) {
    look = lookOnce().finally(() => (look = null));
    return look;
  }
  // What has to be seen may be newer than the answer that is waited for: one more look, for all who ask meanwhile.
  nextLook ??= look
    .catch(() => undefined)
    .then(() => {
      nextLook = null;
      return refresh();
    });
  return nextLook;
}

async function lookOnce(): Promise<void> {
  refreshed = Date.now();
  stopLook = new AbortController();
  const before = applied;
  const status = await get<FactoryStatus>('factory/status', stopLook.signal);
  if (!isStatus(status)) throw new Refusal(0, 'The server answered something else than the state of a factory');
  pass();
  batch(() => {
    factory.value = status;
    queue.value = status.queue;
    running.value = status.running.map((one) => ({ id: one.batch_id, stage: one.stage, progress: one.progress }));
    placeMachines(status);
  });
  // It may be older than what has been told since it was asked for.
  if (applied !== before) refreshSoon();
}

function isStatus(status: FactoryStatus): boolean {
  const { queue, running, lines, pacing, counters } = status;
  return Array.isArray(queue) && Array.isArray(running) && [lines, pacing, counters].every((one) => one instanceof Object);
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
