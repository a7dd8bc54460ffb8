// The life-cycle events that one view shows: what the server kept of them, then what comes. By their numbers no event is
// twice in it; where the server has not got them any more, it says so.

import { signal } from '@preact/signals';

import { ANEW, onMessages, type Message } from './live';
import { get, type LogEntry } from './server';

export type Level = LogEntry['level'];

const levels: readonly Level[] = ['debug', 'info', 'warning', 'error'];

/** What is wanted of all events; empty: everything. */
export interface Filter {
  /** The least. */
  level: string;
  /** A process name ("coating_anode") or a machine of both lines ("coating"). */
  machine: string;
  batch: string;
}

/** Rows of the same key are the same. */
export type Row =
  | { kind: 'event'; key: string; entry: LogEntry }
  /** Events that cannot be shown. */
  | { kind: 'gap'; key: string; from: number; to: number; text: string }
  | { kind: 'anew'; key: string; text: string };

/** So many events are kept in the browser. */
export const KEPT = 5_000;
const LIMIT = 1_000; // of /factory/logs
const SHOW = 100; // milliseconds between two looks at what is new, at the least
const SHOW_AT_MOST = 1_000;
const SLACK = 500; // more than is kept, so that not each event moves all others

interface Hole {
  from: number;
  to: number;
  /** The server has them, but does not give as many at once. */
  tooMany: boolean;
}

const levelOf: Record<string, Level> = {
  batch_failed: 'error',
  batch_cancelled: 'warning',
  machine_simulation_error: 'warning',
  machine_turned_on: 'debug',
  machine_turned_off: 'debug',
};

/** An event as /factory/logs gives it. */
function entryOf(message: Message): LogEntry | null {
  const { seq, timestamp, status, data, process_name } = message;
  if (seq === undefined) return null;
  const warnings = data.warnings ?? [];
  return {
    seq,
    timestamp,
    level: warnings.length > 0 ? 'warning' : (levelOf[status] ?? 'info'),
    event: status,
    message: [data.message, ...warnings].join('; '),
    ...(data.batch_id === null ? {} : { batch_id: data.batch_id }),
    ...(data.machine_id === undefined ? {} : { machine: process_name }),
  };
}

function passes(filter: Filter, entry: LogEntry): boolean {
  if (filter.batch && entry.batch_id !== filter.batch) return false;
  if (levels.indexOf(entry.level) < levels.indexOf(filter.level as Level)) return false;
  if (!filter.machine) return true;
  const { machine } = entry;
  return machine === filter.machine || (machine?.slice(0, machine.lastIndexOf('_')) ?? '') === filter.machine;
}

export class Log {
  readonly state = signal<'loading' | 'loaded'>('loading');
  readonly problem = signal<unknown>(null);
  /** Grows when there is something new to show; not with each event. */
  readonly version = signal(0);
  /** Events that came since it was opened, and pass the filter. */
  arrived = 0;

  private entries: LogEntry[] = [];
  private holes: Hole[] = [];
  /** Of servers before this one. */
  private past: Row[] = [];
  private generation = 0;
  private timer = 0;
  private pause = SHOW;
  private readonly stop = new AbortController();
  private forget = (): void => undefined;

  constructor(private readonly filter: Filter) {}

  /** From now on it takes what comes. */
  open(): void {
    this.forget = onMessages((messages) => this.take(messages));
  }

  close(): void {
    this.forget();
    this.stop.abort();
    clearTimeout(this.timer);
  }

  /** Asks for what the server has kept; once the connection stands, so that nothing falls between this and what comes. */
  async load(): Promise<void> {
    const { level, machine, batch } = this.filter;
    await this.ask({ level, machine, batch_id: batch }, () => undefined);
  }

  /** Whether older events were left out. */
  get full(): boolean {
    return this.entries.length + this.past.length >= LIMIT;
  }

  rows(): Row[] {
    const rows = [...this.past];
    const holes = this.holes.filter((hole) => hole.from <= hole.to);
    for (const entry of this.entries) {
      while (holes[0] && holes[0].from < entry.seq) rows.push(this.gap(holes.shift()!));
      rows.push({ kind: 'event', key: `${this.generation}:${entry.seq}`, entry });
    }
    for (const hole of holes) rows.push(this.gap(hole));
    return rows;
  }

  /** So long it takes to show what is new, in milliseconds: most of the time is to be left for other things. */
  took(time: number): void {
    this.pause = Math.min(Math.max(SHOW, 5 * time), SHOW_AT_MOST);
  }

  private gap({ from, to, tooMany }: Hole): Row {
    const which = from === to ? `Event ${from}` : `Events ${from} to ${to}`;
    const are = from === to ? 'is' : 'are';
    const text = tooMany
      ? `${which} ${are} not shown: too many came while the connection was away`
      : `${which} ${are} not available any more`;
    return { kind: 'gap', key: `${this.generation}:${from}-${to}${tooMany ? '+' : ''}`, from, to, text };
  }

  private take(messages: readonly Message[]): void {
    const found: LogEntry[] = [];
    for (const message of messages) {
      const entry = entryOf(message);
      if (entry) {
        if (passes(this.filter, entry)) found.push(entry);
      } else if (message.status === 'gap') {
        this.fill(message.data.from ?? 0, message.data.to ?? 0);
      } else if (message.status === ANEW) {
        this.merge(found.splice(0));
        this.beginAnew();
      }
    }
    this.merge(found);
  }

  // What the events' queue does not hold any more may still be in the database.
  private fill(from: number, to: number): void {
    const hole: Hole = { from, to, tooMany: false };
    this.holes.push(hole);
    void this.ask({ since_seq: String(from - 1) }, (entries) => {
      hole.to = Math.min(to, (entries[0]?.seq ?? Infinity) - 1);
      hole.tooMany = entries.length >= LIMIT;
    });
  }

  private beginAnew(): void {
    const rows = this.rows();
    const text = 'The server started anew: its events are numbered from 1 again';
    if (rows.length > 0) rows.push({ kind: 'anew', key: `anew ${this.generation}`, text });
    this.past = rows;
    this.entries = [];
    this.holes = [];
    ++this.generation;
    void this.load();
  }

  private async ask(query: Record<string, string>, understand: (entries: LogEntry[]) => void): Promise<void> {
    const { generation } = this;
    const parameters = new URLSearchParams({ limit: String(LIMIT) });
    for (const [name, value] of Object.entries(query)) if (value) parameters.set(name, value);
    try {
      const { logs } = await get<{ logs: LogEntry[] }>(`factory/logs?${parameters}`, this.stop.signal);
      if (generation !== this.generation || this.stop.signal.aborted) return;
      understand(logs);
      this.problem.value = null;
      this.merge(logs.filter((entry) => passes(this.filter, entry)), false);
    } catch (error) {
      if (!this.stop.signal.aborted) this.problem.value = error;
    }
    this.state.value = 'loaded';
  }

  private merge(found: LogEntry[], live = true): void {
    const before = this.entries.length;
    const newest = this.entries.at(-1)?.seq ?? 0;
    if ((found[0]?.seq ?? 0) > newest) {
      for (const entry of found) this.entries.push(entry);
    } else if (found.length > 0) {
      const bySeq = new Map(this.entries.map((entry) => [entry.seq, entry]));
      for (const entry of found) bySeq.set(entry.seq, entry);
      this.entries = [...bySeq.values()].sort((a, b) => a.seq - b.seq);
    }
    if (live) this.arrived += this.entries.length - before;
    this.trim();
    this.timer ||= window.setTimeout(() => {
      this.timer = 0;
      ++this.version.value;
    }, this.pause);
  }

  private trim(): void {
    const over = this.past.length + this.entries.length - KEPT;
    if (over < SLACK) return;
    const ofPast = this.past.splice(0, over).length;
    this.entries.splice(0, over - ofPast);
    const oldest = this.entries[0]?.seq ?? 0;
    this.holes = this.holes.filter((hole) => hole.to >= oldest);
  }
}

/** As lines of text. */
export function textOf(rows: readonly Row[]): string {
  return rows
    .map((row) => {
      if (row.kind !== 'event') return `--- ${row.text} ---\n`;
      const { seq, timestamp, level, event, message, batch_id, machine } = row.entry;
      const where = [machine, batch_id].filter(Boolean).join(' ') || '-';
      return `${timestamp} ${level.padEnd(7)} ${seq} ${event} ${where}: ${message}\n`;
    })
    .join('');
}

/** As JSON, one object a line. */
export function jsonLinesOf(rows: readonly Row[]): string {
  return rows
    .map((row) => {
      if (row.kind === 'event') return `${JSON.stringify(row.entry)}\n`;
      const gap = row.kind === 'gap' ? { gap: { from: row.from, to: row.to } } : {};
      return `${JSON.stringify({ ...gap, message: row.text })}\n`;
    })
    .join('');
}
