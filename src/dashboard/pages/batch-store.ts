// The batches that the table shows. Events change what is known at once; what they do not tell is asked for a little later,
// a few batches at a time or a page at once, so that a plant with many events a second costs no more than one with few.

import { effect, signal } from '@preact/signals';

import { connection, onMessages, type Message } from '../live';
import { type Batch, type BatchPage, type BatchState, get, getBatch, Refusal } from '../server';

const PAGE = 100;
const PAUSE = 1_000; // between two looks at what events have touched
const FEW = 6; // so many are asked for one by one, more by a page

export const known = signal<ReadonlyMap<string, Batch>>(new Map());
/** Where the next page begins; null at the end. */
export const next = signal<string | null>(null);
export const loading = signal(false);
export const failure = signal<unknown>(null);
/** Whose cancelling was accepted and is not done. */
export const cancelling = signal<ReadonlySet<string>>(new Set());

let status = '';
let view = 0; // grows with each table that is kept
let generation = 0; // grows with each time that all is loaded anew
let pages = 1; // that are loaded
let timer = 0;
const touched = new Set<string>();

export const batchPath = (id: string): string => `batches/${encodeURIComponent(id)}`;

/** The state as it is shown: cancelling too. */
export function stateOf(batch: Batch): BatchState {
  return cancelling.value.has(batch.batch_id) && batch.status === 'running' ? 'cancelling' : batch.status;
}

export const isOver = (batch: Batch): boolean => batch.status !== 'queued' && batch.status !== 'running';

function pagePath(after: string | null): string {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (status) query.set('status', status);
  if (after !== null) query.set('after', after);
  return `batches?${query.toString()}`;
}

/**
 * Loads the newest batches and keeps them up to date.
 * @param of  only those in that state; '' for all
 * @return ends it
 */
export function keep(of: string): () => void {
  status = of;
  ++view;
  known.value = new Map();
  next.value = null;
  const endMessages = onMessages(take);
  // Also after a connection was lost: who knows what has happened.
  const endConnection = effect(() => {
    if (connection.value.state === 'live') void load();
  });
  return () => {
    ++view;
    ++generation;
    loading.value = false;
    clearTimeout(timer);
    timer = 0;
    touched.clear();
    endMessages();
    endConnection();
  };
}

let loadedFor = '';
async function load(): Promise<void> {
  const mine = ++generation;
  loading.value = true;
  try {
    const page = await get<BatchPage>(pagePath(null));
    if (mine !== generation) return;
    known.value = new Map(page.batches.map((batch) => [batch.batch_id, batch]));
    next.value = page.next;
    pages = 1;
    failure.value = null;
    loadedFor = status;
  } catch (error) {
    if (mine === generation) failure.value = error;
  } finally {
    if (mine === generation) loading.value = false;
  }
}

/** The next page. */
export async function loadMore(): Promise<void> {
  const after = next.peek();
  if (after === null || loading.peek() || loadedFor !== status) return;
  const mine = generation;
  loading.value = true;
  try {
    const page = await get<BatchPage>(pagePath(after));
    if (mine !== generation) return;
    ++pages;
    next.value = page.next;
    put(page.batches);
    failure.value = null;
  } catch (error) {
    if (mine === generation) failure.value = error;
  } finally {
    if (mine === generation) loading.value = false;
  }
}

function put(batches: Batch[]): void {
  if (batches.length === 0) return;
  const changed = new Map(known.peek());
  for (const batch of batches) changed.set(batch.batch_id, batch);
  show(changed);
  forgetCancelled(batches.filter(isOver).map((batch) => batch.batch_id));
}

// As many of the newest as have been loaded: those that a fast plant pushes out stand on the next page.
function show(all: Map<string, Batch>): void {
  let batches = [...all.values()].filter((batch) => !status || batch.status === status);
  const most = pages * PAGE;
  if (batches.length > most) {
    batches = batches.sort((a, b) => (a.created_at < b.created_at ? 1 : -1)).slice(0, most);
    next.value = batches.at(-1)?.batch_id ?? null;
  }
  known.value = new Map(batches.map((batch) => [batch.batch_id, batch]));
}

function forgetCancelled(over: string[]): void {
  if (over.some((id) => cancelling.peek().has(id)))
    cancelling.value = new Set([...cancelling.peek()].filter((id) => !over.includes(id)));
}

const ends: Record<string, BatchState> = {
  batch_completed: 'completed',
  batch_failed: 'failed',
  batch_cancelled: 'cancelled',
};

/** What the event alone says of the batch. */
function changedBy(batch: Batch, { status: event, timestamp, data }: Message): Batch {
  if (event === 'batch_started_processing')
    return { ...batch, status: 'running', started_at: timestamp, attempt: data.attempt ?? batch.attempt };
  const end = ends[event];
  if (!end) return batch;
  return {
    ...batch,
    status: end,
    finished_at: timestamp,
    end_of_line: data.end_of_line ?? batch.end_of_line,
    ...(data.reason ? { error: data.reason } : {}),
  };
}

function take(messages: readonly Message[]): void {
  let changed: Map<string, Batch> | null = null;
  const over: string[] = [];
  for (const message of messages) {
    const { status: event, data } = message;
    if (event === 'gap') {
      void load();
      continue;
    }
    const id = data.batch_id;
    const matters = event === 'batch_requested' || event === 'batch_started_processing' || event in ends;
    if (!matters || id === null || data.replayed) continue;
    touched.add(id);
    if (event in ends) over.push(id);
    const before = (changed ?? known.peek()).get(id);
    if (before) (changed ??= new Map(known.peek())).set(id, changedBy(before, message));
  }
  if (changed) show(changed);
  if (over.length > 0) forgetCancelled(over);
  if (touched.size > 0 && timer === 0) timer = window.setTimeout(look, PAUSE);
}

async function look(): Promise<void> {
  if (loading.peek()) {
    timer = window.setTimeout(look, PAUSE); // what is loaded would overwrite what is found now
    return;
  }
  const mine = view;
  const before = generation;
  let ids = [...touched];
  touched.clear();
  const found: Batch[] = [];
  try {
    if (ids.length > FEW) {
      const page = await get<BatchPage>(pagePath(null));
      found.push(...page.batches);
      const seen = new Set(found.map((batch) => batch.batch_id));
      // What is further down and not shown need not be asked for.
      ids = ids.filter((id) => !seen.has(id) && known.peek().has(id));
    }
    for (const id of ids.slice(FEW)) touched.add(id);
    found.push(...(await Promise.all(ids.slice(0, FEW).map(one))).filter((batch) => batch !== null));
  } catch {
    // The connection is lost then, and all is loaded again once it stands.
  }
  if (mine !== view) return; // the timer is another table's
  if (before === generation) put(found);
  timer = touched.size > 0 ? window.setTimeout(look, 2 * PAUSE) : 0;
}

async function one(id: string): Promise<Batch | null> {
  try {
    return await getBatch(id);
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}
