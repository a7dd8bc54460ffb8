// How the server does, and how fast the plant goes.

import './health.css';

import { useSignal } from '@preact/signals';
import { useEffect, useId } from 'preact/hooks';

import { Icon } from '../icons';
import { factory, lines, machineOf, pacing, queue, refresh, running, stale } from '../live';
import { get, health as askHealth, Refusal, send, type Batch, type BatchPage, type Health as HealthAnswer } from '../server';
import { words } from '../schema';
import { clock, duration } from '../time';
import { format } from '../units';
import { Dialog, Fact, NOT_CONNECTED, Problem, WordState } from '../ui';
import { INTERVALS, intervalText, PacingState, PauseButton, usePacingChange } from './pacing';

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
        health.value = await askHealth(mine.signal);
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
      {!now && !problem.value && <p class="dim">{stale.value ? NOT_CONNECTED : 'Loading …'}</p>}
      {now && (
        <dl>
          <Fact name="State">
            <WordState word={now.status} />
          </Fact>
          <Fact name="Simulation">
            {words(now.simulation.state)}
            {now.simulation.paused ? ', paused' : ''}
            {now.simulation.accepting ? '' : ', not accepting new batches'}
          </Fact>
          <Fact name="Batches">
            {now.simulation.running} running, {now.simulation.queued} queued
          </Fact>
          <Fact name="Database">
            <Database database={now.database} />
          </Fact>
          <Fact name="Listening">
            {counted(now.websocket_clients, 'page or program', 'pages or programs')} on the WebSocket
          </Fact>
          <Fact name="Running for">{duration(now.uptime_s)}</Fact>
          <Fact name="Version">{now.version}</Fact>
          <Fact name="Models">{factory.value?.models ?? '–'}</Fact>
        </dl>
      )}
      {at.value && <p class="hint">As of {clock(at.value)}. Updated every 5 s while this page is open.</p>}
    </section>
  );
}

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

const backends: Record<string, string> = { sqlite: 'SQLite', postgresql: 'PostgreSQL' };

function Database({ database }: { database: HealthAnswer['database'] }) {
  const { backend, status, latency_ms, backlog } = database;
  if (backend === 'none') return <>None: nothing is kept when the server stops</>;
  return (
    <>
      {backends[backend] ?? backend} <WordState word={status} />
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
            <Fact key={name} name={words(name)}>
              {count}
              {meaning[name] && <span class="details">{meaning[name]}</span>}
            </Fact>
          ))}
        </dl>
      ) : (
        <p class="dim">Loading …</p>
      )}
    </section>
  );
}

function PacingControl() {
  const id = useId();
  const typed = useSignal<string | null>(null);
  const pace = usePacingChange();
  const now = pacing.value;
  const disabled = stale.value || pace.busy || !now;
  const refusal = pace.problem instanceof Refusal ? pace.problem : null;
  const ofField = refusal?.violations.filter((one) => one.loc.includes('step_interval_ms')) ?? [];
  const setTo = async (interval: unknown): Promise<void> => {
    if (await pace.change({ step_interval_ms: interval }, 'The step interval was changed')) typed.value = null;
  };

  return (
    <section class="card" aria-labelledby={`${id}title`} aria-busy={pace.busy}>
      <h2 id={`${id}title`}>Pacing</h2>
      <div class="toolbar">
        <PacingState />
        <PauseButton {...pace} />
      </div>
      <div class="toolbar" role="group" aria-label="Usual step intervals">
        {INTERVALS.map((interval) => (
          <button
            key={interval}
            type="button"
            class={now?.step_interval_ms === interval ? 'chosen' : undefined}
            aria-pressed={now?.step_interval_ms === interval}
            disabled={disabled}
            onClick={() => void setTo(interval)}
          >
            {intervalText(interval)}
          </button>
        ))}
      </div>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!disabled) void setTo(numberOrText(typed.value ?? String(now.step_interval_ms)));
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
        {ofField.length === 0 && <Problem error={pace.problem} />}
        <p id={`${id}hint`} class="hint">
          The pause that a machine makes after each of its steps. <Estimate />
        </p>
      </form>
      <p class="hint" role="status">
        {pace.said}
      </p>
    </section>
  );
}

// A text that is no number is sent as it is, so that the server says what is wrong with it.
function numberOrText(text: string): number | string {
  const plain = text.trim().replace(',', '.');
  return plain !== '' && Number.isFinite(Number(plain)) ? Number(plain) : text;
}

const LOOK_BACK = 20;

/** How long a batch takes, from the steps of the last one with good cells; nothing as long as there is none. */
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
  if (!last.value) return null;
  const steps = stepsInTurn(last.value);
  const interval = pacing.value?.step_interval_ms || 100;
  return (
    <>
      A batch like {last.value.batch_id} makes {steps} of them one after the other, so it takes about{' '}
      {duration((steps * interval) / 1000)} at {format(interval)} ms.
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
        <li>All running and queued batches are cancelled ({counts}).</li>
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
