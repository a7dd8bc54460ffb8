// The server's routes. Everything is asked relative to the page, so that a path before it (--root-path) does not matter.

import { authorization, refusedWith, token } from './access';

export interface Violation {
  loc: (string | number)[];
  msg: string;
  type: string;
  input?: unknown;
  ctx?: Record<string, unknown>;
}

/** What the server said no to, or why it could not be asked (status 0). */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly detail: string | Violation[],
  ) {
    super(typeof detail === 'string' ? detail : detail.map((one) => `${place(one.loc)}: ${one.msg}`).join('; '));
  }

  get violations(): Violation[] {
    return typeof this.detail === 'string' ? [] : this.detail;
  }
}

const place = (loc: Violation['loc']): string => loc.slice(1).join('.') || String(loc[0] ?? '');

export function url(path: string): URL {
  return new URL(path, document.baseURI);
}

// Milliseconds that an answer may take. A change can have to wait for the machines' next step, which is up to a minute.
const PATIENCE = 20_000;
const PATIENCE_FOR_CHANGES = 120_000;
const PATIENCE_FOR_FILES = 600_000;

// What came, whatever it says.
async function fetched<T>(
  path: string,
  init: RequestInit,
  patience: number,
  body: (response: Response) => Promise<T>,
  stop?: AbortSignal,
  shown = token.peek(),
): Promise<{ response: Response; content: T }> {
  const late = AbortSignal.timeout(patience);
  try {
    const response = await fetch(url(path), {
      ...init,
      headers: { ...init.headers, ...authorization(shown) },
      signal: stop ? AbortSignal.any([stop, late]) : late,
    });
    if (response.status === 401) refusedWith(shown);
    return { response, content: await body(response) };
  } catch (error) {
    if (stop?.aborted) throw error;
    throw new Refusal(0, late.aborted ? 'The server does not answer' : 'The server cannot be reached');
  }
}

function understood(response: Response, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(response.status, `The server answered ${response.status} with something else than JSON`);
  }
}

function refusal(response: Response, answer: unknown): Refusal {
  const detail = (answer as { detail?: string | Violation[] } | null)?.detail;
  return new Refusal(response.status, detail ?? `The server answered ${response.status} and does not say why`);
}

const textOf = (response: Response): Promise<string> => response.text();

/** @param refusable  false: an answer that is no success says what was asked for too */
async function ask<T>(path: string, init: RequestInit, patience: number, stop?: AbortSignal, refusable = true): Promise<T> {
  const { response, content } = await fetched(path, init, patience, textOf, stop);
  const answer = understood(response, content);
  if (response.ok || !refusable) return answer as T;
  throw refusal(response, answer);
}

export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return ask<T>(path, {}, PATIENCE, signal);
}

/** @throws Refusal  with 401 where the server does not know the token */
export async function tryToken(candidate: string): Promise<void> {
  const { response, content } = await fetched('factory/status', {}, PATIENCE, textOf, undefined, candidate);
  if (!response.ok) throw refusal(response, understood(response, content));
}

export async function fetchFile(path: string): Promise<Blob> {
  const { response, content } = await fetched(path, {}, PATIENCE_FOR_FILES, (one) => one.blob());
  if (!response.ok) throw refusal(response, understood(response, await content.text()));
  return content;
}

/** A server that is unhealthy says so with 503. */
export function health(signal?: AbortSignal): Promise<Health> {
  return ask<Health>('health', {}, PATIENCE, signal, false);
}

export function send<T>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
  if (body === undefined) return ask<T>(path, { method }, PATIENCE_FOR_CHANGES);
  const init = { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  return ask<T>(path, init, PATIENCE_FOR_CHANGES);
}

export type LineName = string;

export type BatchState = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled' | 'cancelling';

export type PerLine<T> = Record<LineName, T>;

export interface Pacing {
  step_interval_ms: number;
  paused: boolean;
}

export interface FactoryStatus {
  state: 'idle' | 'running';
  accepting: boolean;
  queue: string[];
  running: { batch_id: string; stage: PerLine<string | null>; progress: PerLine<number> }[];
  lines: PerLine<Record<string, { state: 'On' | 'Off'; batch_id: string | null }>>;
  counters: Record<'accepted' | 'completed' | 'failed' | 'cancelled' | 'scrapped', number>;
  pacing: Pacing;
  models: string;
  uptime_s: number;
  version: string;
}

/** Parameters or properties by name; those of mixing machines are nested once. */
export type Values = Record<string, number | boolean | null | Record<string, number | null>>;

export interface MachineStatus {
  timestamp: string;
  line_type: LineName;
  machine_id: string;
  process: string;
  state: 'On' | 'Off';
  machine_parameters: Values;
  process_specifics: Record<string, number> | null;
  batch_id?: string;
  duration?: number;
  total_steps?: number;
  progress?: number;
  battery_model?: Record<string, number | boolean>;
}

export interface MachineResult {
  status: string;
  steps: number;
  outcome: 'pass' | 'rework' | 'scrap' | null;
  causes: string[];
  properties: Record<string, number | boolean>;
}

export interface Batch {
  batch_id: string;
  status: BatchState;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  attempt: number;
  seed: number;
  models: string;
  stage: PerLine<string | null>;
  progress: PerLine<number>;
  parameters: Record<string, Values>;
  warnings: string[];
  machines: Record<string, MachineResult>;
  end_of_line: Record<string, unknown> | null;
  error?: string;
}

export interface BatchPage {
  batches: Batch[];
  next: string | null;
}

export interface LogEntry {
  seq: number;
  timestamp: string;
  level: 'debug' | 'info' | 'warning' | 'error';
  event: string;
  message: string;
  batch_id?: string;
  machine?: string;
}

export interface Health {
  status: 'healthy' | 'degraded' | 'unhealthy';
  version: string;
  uptime_s: number;
  simulation: { state: string; accepting: boolean; running: number; queued: number; paused: boolean };
  database: { backend: string; status: string; latency_ms: number | null; backlog?: number };
  websocket_clients: number;
}

export async function getBatch(id: string, signal?: AbortSignal): Promise<Batch> {
  // In a path these are folders: the browser would ask for something else.
  const unknown = id === '.' || id === '..';
  const batch = unknown ? null : await get<Batch>(`batches/${encodeURIComponent(id)}`, signal);
  if (batch?.batch_id !== id) throw new Refusal(404, `There is no batch ${id}`);
  return batch;
}
