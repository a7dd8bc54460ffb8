// How the server does, and how fast the plant goes.

import './health.css';

import { useSignal } from '@preact/signals';
import { useEffect, useId } from 'preact/hooks';
import type { ComponentChildren } from 'preact';

import { Icon, type IconName } from '../icons';
import { factory, lines, machineOf, pacing, queue, refresh, running, stale } from '../live';
import { Refusal, get, send, type Batch, type BatchPage, type Health as HealthAnswer, type Pacing } from '../server';
import { words } from '../schema';
import { clock, duration } from '../time';
import { format } from '../units';
import { Dialog, Problem, State } from '../ui';

const EVERY = 5_000;

export function Health() {
  return (
    <div class="health">
      <h1>Health</h1>
      <div class="cards">
        <Server />
        <PacingControl />
        <Counters />
        <Reset />
      </div>
    </div>
  );
}

const icons: Record<string, IconName> = {
  healthy: 'done',
  connected: 'done',
  degraded: 'warning',
  unreachable: 'warning',
  unhealthy: 'failed',
  failed: 'failed',
};

/** Asked for as long as somebody looks; no event tells of it. */
function useHealth() {
  const health = useSignal<HealthAnswer | null>(null);
  const at = useSignal<Date | null>(null);
  const problem = useSignal<unknown>(null);
  const away = stale.value;
  useEffect(() => {
    if (away) return;
    let stop: AbortController | null = null;
    async function look(): Promise<void> {
      if (document.visibilityState !== 'visible' || stop) return;
      const mine = (stop = new AbortController());
      try {
        health.value = await get<HealthAnswer>('health', mine.signal);
        at.value = new Date();
        problem.value = null;
      } catch (error) {
        if (!mine.signal.aborted) problem.value = error;
      }
      stop = null;
    }
    const again = (): void => void look();
    again();
    const timer = setInterval(again, EVERY);
    document.addEventListener('visibilitychange', again);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', again);
      stop?.abort();
    };
  }, [away]);
  return { health, at, problem };
}

function Server() {
  const { health, at, problem } = useHealth();
  const now = health.value;
  return (
    <section class="card" aria-labelledby="server">
      <h2 id="server">Server</h2>
      <Problem error={stale.value ? null : problem.value} />
      {!now && !problem.value && <p class="dim">{stale.value ? 'Not connected' : 'Loading …'}</p>}
      {now && (
        <dl>
          <Item name="State">
            <Word word={now.status} />
          </Item>
          <Item name="Simulation">
            {words(now.simulation.state)}
            {now.simulation.paused ? ', paused' : ''}
            {now.simulation.accepting ? '' : ', not accepting new batches'}
          </Item>
          <Item name="Batches">
            {now.simulation.running} running, {now.simulation.queued} queued
          </Item>
          <Item name="Database">
            <Database database={now.database} />
          </Item>
          <Item name="Listening">
            {counted(now.websocket_clients, 'page or program', 'pages or programs')} on the WebSocket
          </Item>
          <Item name="Running for">{duration(now.uptime_s)}</Item>
          <Item name="Version">{now.version}</Item>
          <Item name="Models">{factory.value?.models ?? '–'}</Item>
        </dl>
      )}
      {at.value && <p class="hint">As of {clock(at.value)}. Updated every 5 s while this page is open.</p>}
    </section>
  );
}

function Item({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Word({ word }: { word: string }) {
  return (
    <State kind={word} icon={icons[word] ?? 'off'}>
      {word}
    </State>
  );
}

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

const backends: Record<string, string> = { sqlite: 'SQLite', postgresql: 'PostgreSQL' };

function Database({ database }: { database: HealthAnswer['database'] }) {
  const { backend, status, latency_ms, backlog } = database;
  if (backend === 'none') return <>None: nothing is kept when the server stops</>;
  return (
    <>
      {backends[backend] ?? backend} <Word word={status} />
      <span class="details">
        {[
          latency_ms === null ? '' : `answers in ${format(latency_ms, 3)} ms`,
          backlog === undefined ? '' : `${counted(backlog, 'change', 'changes')} still to be written`,
        ]
          .filter(Boolean)
          .join(', ')}
      </span>
    </>
  );
}

function Counters() {
  const counters = factory.value?.counters;
  const meaning: Record<string, string> = { scrapped: 'completed without a good cell' };
  return (
    <section class="card" aria-labelledby="counters">
      <h2 id="counters">Batches since the first start</h2>
      {counters ? (
        <dl>
          {Object.entries(counters).map(([name, count]) => (
            <Item key={name} name={words(name)}>
              {count}
              {meaning[name] && <span class="details">{meaning[name]}</span>}
            </Item>
          ))}
        </dl>
      ) : (
        <p class="dim">Loading …</p>
      )}
    </section>
  );
}

const presets = new Map([
  [0, 'As fast as possible'],
  [10, '10 ms'],
  [100, '100 ms'],
  [1000, '1 000 ms'],
]);

function PacingControl() {
  const id = useId();
  const typed = useSignal<string | null>(null);
  const busy = useSignal(false);
  const problem = useSignal<unknown>(null);
  const done = useSignal('');
  const now = pacing.value;
  const disabled = stale.value || busy.value || !now;
  const refusal = problem.value instanceof Refusal ? problem.value : null;
  const ofField = refusal?.violations.filter((one) => one.loc.includes('step_interval_ms')) ?? [];

  async function change(wanted: Partial<Record<keyof Pacing, unknown>>, said: string): Promise<void> {
    busy.value = true;
    problem.value = null;
    done.value = '';
    try {
      await send('PATCH', 'factory/pacing', wanted);
      await refresh();
      if ('step_interval_ms' in wanted) typed.value = null;
      done.value = said;
    } catch (error) {
      problem.value = error;
    }
    busy.value = false;
  }
  const setInterval = (interval: unknown): void =>
    void change({ step_interval_ms: interval }, 'The step interval was changed');

  return (
    <section class="card" aria-labelledby={`${id}title`} aria-busy={busy.value}>
      <h2 id={`${id}title`}>Pacing</h2>
      <p>
        {now ? (
          now.paused ? (
            <State kind="warning" icon="pause">
              paused
            </State>
          ) : (
            <State kind="on" icon="on">
              running
            </State>
          )
        ) : (
          'Loading …'
        )}
      </p>
      <div class="toolbar">
        {now?.paused ? (
          <button
            type="button"
            class="primary"
            disabled={disabled}
            onClick={() => void change({ paused: false }, 'The plant is running again')}
          >
            <Icon name="play" />
            Resume the plant
          </button>
        ) : (
          <button type="button" disabled={disabled} onClick={() => void change({ paused: true }, 'The plant is paused')}>
            <Icon name="pause" />
            Pause the plant
          </button>
        )}
      </div>
      <div class="toolbar" role="group" aria-label="Usual step intervals">
        {[...presets].map(([interval, name]) => (
          <button
            key={interval}
            type="button"
            class={now?.step_interval_ms === interval ? 'chosen' : undefined}
            aria-pressed={now?.step_interval_ms === interval}
            disabled={disabled}
            onClick={() => setInterval(interval)}
          >
            {name}
          </button>
        ))}
      </div>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!disabled) setInterval(numberOrText(typed.value ?? String(now.step_interval_ms)));
        }}
      >
        <label for={`${id}field`}>Step interval, 0 to 60 000 ms</label>
        <div class="toolbar">
          <input
            id={`${id}field`}
            type="text"
            inputMode="decimal"
            autocomplete="off"
            size={8}
            value={typed.value ?? now?.step_interval_ms ?? ''}
            disabled={stale.value || !now}
            aria-invalid={ofField.length > 0}
            aria-describedby={`${id}problem ${id}hint`}
            onInput={(event) => (typed.value = event.currentTarget.value)}
          />
          <span>ms</span>
          <button type="submit" disabled={disabled || typed.value === null}>
            Set
          </button>
        </div>
        <div id={`${id}problem`} role="alert">
          {ofField.map((one) => (
            <p key={one.type} class="problem">
              <Icon name="failed" /> {one.msg}
            </p>
          ))}
        </div>
        {ofField.length === 0 && <Problem error={problem.value} />}
        <p id={`${id}hint`} class="hint">
          The pause that a machine makes after each of its steps. <Estimate />
        </p>
      </form>
      <p class="hint" role="status">
        {done}
      </p>
    </section>
  );
}

// A text that is no number is sent as it is, so that the server says what is wrong with it.
function numberOrText(text: string): number | string {
  const plain = text.trim().replace(',', '.');
  return plain !== '' && Number.isFinite(Number(plain)) ? Number(plain) : text;
}

const DEFAULT_STEPS = 1_725; // one after the other in a batch with the default recipe

const LOOK_BACK = 20;

/** How long a batch takes: from the steps of the last one with good cells, or of the default recipe. */
function Estimate() {
  const last = useSignal<Batch | null>(null);
  const { completed = 0, scrapped = 0 } = factory.value?.counters ?? {};
  useEffect(() => {
    if (scrapped >= completed) return;
    const stop = new AbortController();
    get<BatchPage>(`batches?status=completed&limit=${LOOK_BACK}`, stop.signal).then(
      ({ batches }) => (last.value = batches.find((batch) => batch.end_of_line?.['cells_good'] !== 0) ?? null),
      () => undefined,
    );
    return () => stop.abort();
    // The batches differ little: one look is enough.
  }, [scrapped < completed]);
  const steps = (last.value && stepsInTurn(last.value)) || DEFAULT_STEPS;
  const interval = pacing.value?.step_interval_ms || 100;
  const which = last.value ? `A batch like ${last.value.batch_id}` : 'A batch with the default recipe';
  return (
    <>
      {which} makes {steps} of them one after the other, so it takes about {duration((steps * interval) / 1000)} at{' '}
      {format(interval)} ms.
    </>
  );
}

// The lines work side by side, except the last, which puts together what they made.
function stepsInTurn(batch: Batch): number {
  const ofLine = new Map(lines.peek().map((line) => [line, 0]));
  for (const [process, { steps }] of Object.entries(batch.machines)) {
    const line = machineOf(process)?.peek().line;
    if (line !== undefined) ofLine.set(line, (ofLine.get(line) ?? 0) + steps);
  }
  const sums = [...ofLine.values()];
  const last = sums.pop() ?? 0;
  return Math.max(0, ...sums) + last;
}

function Reset() {
  const open = useSignal(false);
  const done = useSignal('');
  return (
    <section class="card" aria-labelledby="reset">
      <h2 id="reset">Reset</h2>
      <p>Cancels all batches and sets every machine back to its default parameters.</p>
      <button type="button" class="danger" disabled={stale.value} onClick={() => (open.value = true)}>
        Reset the factory …
      </button>
      <p class="hint" role="status">
        {done}
      </p>
      {open.value && <ResetDialog onClose={() => (open.value = false)} onDone={(text) => (done.value = text)} />}
    </section>
  );
}

function ResetDialog({ onClose, onDone }: { onClose: () => void; onDone: (text: string) => void }) {
  const busy = useSignal(false);
  const problem = useSignal<unknown>(null);
  const counts = `${running.value.length} running, ${queue.value.length} queued`;

  async function reset(): Promise<void> {
    busy.value = true;
    problem.value = null;
    try {
      const { message, cancelled } = await send<{ message: string; cancelled: string[] }>('POST', 'factory/reset');
      onDone(`${message}. ${cancelledText(cancelled)}`);
      refresh().catch(() => undefined);
      onClose();
    } catch (error) {
      problem.value = error;
      busy.value = false;
    }
  }
  return (
    <Dialog title="Reset the factory?" onClose={onClose}>
      <p>This cannot be undone:</p>
      <ul>
        <li>All batches that run or wait are cancelled ({counts}).</li>
        <li>The parameters of every machine go back to their defaults.</li>
      </ul>
      <p class="hint">The pacing, the counters, and the batches that are finished stay as they are.</p>
      <Problem error={problem.value} />
      <div class="toolbar">
        <button type="button" class="danger" disabled={stale.value || busy.value} onClick={() => void reset()}>
          Reset
        </button>
        <button type="button" onClick={onClose}>
          Keep everything
        </button>
      </div>
    </Dialog>
  );
}

const NAMED = 10; // batches that are told by name

function cancelledText(ids: string[]): string {
  if (ids.length === 0) return 'No batch had to be cancelled.';
  const more = ids.length > NAMED ? ' …' : '';
  return `${counted(ids.length, 'batch was cancelled', 'batches were cancelled')}: ${ids.slice(0, NAMED).join(', ')}${more}`;
}
