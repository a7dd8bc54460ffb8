// A machine's values step by step: what the server kept of a batch, and what comes while it works.

import { signal } from '@preact/signals';

import type { Message } from './live';
import { get, Refusal } from './server';
import { Socket } from './socket';

export interface Step {
  step: number;
  properties: Record<string, number | boolean>;
}

/** What the server kept of the machine's steps for that batch; nothing where it keeps none (--db none). */
export async function stepsOf(batch: string, process: string, signal?: AbortSignal): Promise<Step[]> {
  const answer = await get<{ telemetry: { machine: string; step: number; properties: Step['properties'] }[] }>(
    `batches/${encodeURIComponent(batch)}/telemetry?machine=${process}`,
    signal,
  );
  return answer.telemetry.map(({ step, properties }) => ({ step, properties }));
}

/**
 * The newest values of a machine, some twenty times a second at most, on a connection of its own, which is opened again
 * when it breaks.
 * @param opened  called each time the connection stands: what came before it was missed
 * @return ends it
 */
export function follow(process: string, take: (batch: string, step: Step) => void, opened?: () => void): () => void {
  const socket = new Socket({
    query: () => ({ telemetry: '1', replay: '0' }),
    opened() {
      socket.send(JSON.stringify({ subscribe: { event: 'data_generated', machine: process } }));
      opened?.();
    },
    heard(text) {
      socket.settled();
      if (!text.startsWith('{')) return;
      const { status, data } = JSON.parse(text) as Message;
      if (status !== 'data_generated' || data.batch_id === null || data.step === undefined || !data.properties) return;
      take(data.batch_id, { step: data.step, properties: data.properties });
    },
  });
  return () => socket.close();
}

/** More steps than these are not loaded for a chart. */
export const MOST_STEPS = 20_000;

const SHOW = 200; // steps that come within so many milliseconds are shown at once
const REFILL = 2_000; // at the least between two looks at what the server kept

/**
 * A machine's steps for one batch: what the server kept, and behind it what comes live. The live feed leaves out steps
 * when the plant is fast; those are fetched now and then, the less often the longer that takes.
 */
export class Trend {
  /** In order. Where a number is missing the step is not known. */
  readonly steps = signal<readonly Step[]>([]);
  /** Why there is no history: none is kept, the steps are too many, or the server said no. */
  readonly without = signal<'kept' | 'many' | Refusal | null>(null);
  readonly loading = signal(true);
  /** Steps before which the connection was broken. */
  readonly breaks = new Set<number>();

  private all: Step[] = [];
  private before: Step[] = []; // the connection broke
  private whole = false;
  private interrupted = false;
  private timer = 0;
  private refillTimer = 0;
  private fetched = 0;
  private took = 0;
  private readonly stopped = new AbortController();

  /** @param most  steps that are loaded */
  constructor(
    readonly batch: string,
    readonly process: string,
    private readonly most = MOST_STEPS,
  ) {}

  /**
   * The connection to the live values stands, again perhaps: what came before may have been another attempt.
   * @param total  how many steps there will be
   */
  connected(total: number): void {
    this.before = [...this.before, ...this.all];
    this.interrupted = this.before.length > 0;
    this.all = [];
    void this.fill(total);
  }

  /** Nothing more comes live. */
  finish(total: number): void {
    clearTimeout(this.refillTimer);
    if (this.whole && this.all.length === total) return;
    void this.fill(total);
  }

  /** @param total  how many steps there are or will be, where that is known */
  async fill(total = 0): Promise<void> {
    if (Math.max(total, this.all.at(-1)?.step ?? 0) > this.most) {
      this.without.value = 'many';
      this.loading.value = false;
      return;
    }
    const began = Date.now();
    try {
      const kept = await stepsOf(this.batch, this.process, this.stopped.signal);
      const end = kept.at(-1)?.step ?? -1;
      this.all = [...kept, ...this.all.filter((one) => one.step > end)];
      this.without.value = null;
    } catch (error) {
      if (this.stopped.signal.aborted || !(error instanceof Refusal)) return;
      const first = this.all[0]?.step ?? Infinity;
      this.all = [...this.before.filter((one) => one.step < first), ...this.all];
      this.without.value = error.status === 404 ? 'kept' : error;
    }
    this.before = [];
    this.fetched = Date.now();
    this.took = this.fetched - began;
    this.loading.value = false;
    this.check();
    this.show();
  }

  add(step: Step): void {
    const last = this.all.at(-1)?.step ?? -1;
    if (step.step <= last) return;
    if (step.step > last + 1) this.whole = false;
    if (this.interrupted) this.breaks.add(step.step);
    this.interrupted = false;
    this.all.push(step);
    if (!this.whole) this.refillSoon();
    if (this.timer === 0) this.timer = window.setTimeout(() => this.show(), SHOW);
  }

  stop(): void {
    clearTimeout(this.timer);
    clearTimeout(this.refillTimer);
    this.stopped.abort();
  }

  private show(): void {
    clearTimeout(this.timer);
    this.timer = 0;
    this.steps.value = this.all.slice();
  }

  private check(): void {
    const first = this.all[0];
    const last = this.all.at(-1);
    this.whole = !first || !last || (first.step === 0 && last.step - first.step === this.all.length - 1);
  }

  private refillSoon(): void {
    if (this.refillTimer !== 0 || this.loading.peek() || this.without.peek() !== null) return;
    const wait = Math.max(0, this.fetched + Math.max(REFILL, 10 * this.took) - Date.now());
    this.refillTimer = window.setTimeout(() => {
      this.refillTimer = 0;
      void this.fill();
    }, wait);
  }
}
