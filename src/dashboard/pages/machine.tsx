// One machine: what it works on, the product's values in it and their trend, its parameters.

import './machine.css';

import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';

import type { IconName } from '../icons';
import { factory, pacing, stale, type Machine } from '../live';
import { link } from '../router';
import { schema, words, type Output, type Schema } from '../schema';
import { get, url, type Batch, type BatchPage, type MachineResult, type MachineStatus } from '../server';
import { follow, Trend } from '../telemetry';
import { displayUnit, format, fromSi } from '../units';
import { Problem, Progress, State, WordState } from '../ui';
import { Parameters } from './parameters';
import { Trends } from './trends';

export interface Condition {
  kind: string;
  icon: IconName;
  word: string;
}

export function conditionOf(machine: Machine, paused: boolean): Condition {
  if (machine.batch !== null)
    return paused ? { kind: 'warning', icon: 'pause', word: 'paused' } : { kind: 'on', icon: 'on', word: 'working' };
  return machine.failed ? { kind: 'error', icon: 'failed', word: 'error' } : { kind: 'off', icon: 'off', word: 'idle' };
}

export function MachineDetails({ machine: signal }: { machine: Signal<Machine> }) {
  const machine = signal.value;
  const known = useSchema();
  const { status, problem } = useStatus(machine);
  const past = usePast(machine);
  const working = machine.batch !== null;
  const batch = machine.batch ?? past.value.id;
  const result = past.value.batch?.batch_id === batch ? past.value.batch?.machines[machine.process] : undefined;
  const now = working && status.value?.batch_id === batch ? status.value : null;
  const total = now?.total_steps ?? (working ? undefined : result?.steps);
  const trend = useTrend(machine.process, batch, working, total);

  const steps = trend?.steps.value ?? [];
  const live = working ? steps.at(-1) : undefined;
  const done = Math.max(live ? live.step + 1 : 0, now?.duration ?? 0);
  const values = working ? (live?.properties ?? now?.battery_model) : (result?.properties ?? steps.at(-1)?.properties);
  const outputs = useMemo(
    () => completed(known.value?.outputs(machine.process, past.value.batch?.models ?? modelsNow()), values),
    [known.value, machine.process, Object.keys(values ?? {}).join()],
  );
  const specifics = status.value?.process_specifics;
  return (
    <>
      <Problem error={problem.value} />
      <nav class="jump" aria-label="In this drawer">
        {batch !== null && values && <Jump to="trends-heading">Trend</Jump>}
        {batch !== null && values && <Jump to="values-heading">Product</Jump>}
        <Jump to="parameters-heading">Parameters</Jump>
      </nav>
      <section aria-label="Now">
        <Now machine={machine} batch={batch} result={result} searched={past.value.searched} />
        {working && total !== undefined && (
          <div class="steps">
            <span>
              {done} of {total} steps done
            </span>
            <Progress value={done / total} label={`${words(machine.process)}: steps done`} />
          </div>
        )}
      </section>
      {batch !== null && values && (
        <Trends process={machine.process} outputs={outputs} values={values} trend={trend} working={working} />
      )}
      {specifics && (
        <section aria-labelledby="specifics-heading">
          <h3 id="specifics-heading">The machine itself</h3>
          <Specifics values={specifics} outputs={known.value?.specifics(machine.process) ?? new Map()} />
        </section>
      )}
      {batch !== null && trend && trend.without.value !== 'kept' && (
        <p>
          <a href={url(`batches/${encodeURIComponent(batch)}/telemetry?machine=${machine.process}&format=csv`).href} download={`${batch}-${machine.process}.csv`}>
            All steps as CSV
          </a>
        </p>
      )}
      {known.value && status.value && <Parameters machine={machine} status={status} known={known.value} />}
    </>
  );
}

/** The address is the page's, so it is no link. */
function Jump({ to, children }: { to: string; children: string }) {
  const jump = (): void => {
    const heading = document.getElementById(to);
    heading?.scrollIntoView();
    heading?.focus({ preventScroll: true });
  };
  return (
    <button type="button" onClick={jump}>
      {children}
    </button>
  );
}

function Now(props: { machine: Machine; batch: string | null; result: MachineResult | undefined; searched: boolean }) {
  const { machine, batch, result, searched } = props;
  const { kind, icon, word } = conditionOf(machine, pacing.value?.paused ?? false);
  const of = batch !== null && (
    <a class="mono" href={link(['batches', batch])}>
      {batch}
    </a>
  );
  return (
    <>
      <p class="now">
        <State kind={kind} icon={icon}>
          {word}
        </State>
        {of ? (
          <span>
            {machine.batch !== null ? 'on batch' : 'Its last batch:'} {of}
          </span>
        ) : (
          <span class="dim">{searched ? 'None of the last batches has been in this machine.' : ''}</span>
        )}
        {machine.batch === null && result?.outcome && <WordState word={result.outcome} />}
        {machine.batch === null && result && !result.outcome && result.status !== 'completed' && <WordState word={result.status} />}
      </p>
      {machine.batch === null && result && result.causes.length > 0 && (
        <p class="hint">Because of: {result.causes.map((cause) => words(cause).toLowerCase()).join(', ')}</p>
      )}
    </>
  );
}

function Specifics({ values, outputs }: { values: Record<string, number>; outputs: Map<string, Output> }) {
  return (
    <table class="values">
      <thead>
        <tr>
          <th scope="col">Value of the machine</th>
          <th scope="col" class="number">
            Value
          </th>
          <th scope="col">Unit</th>
        </tr>
      </thead>
      <tbody>
        {Object.entries(values).map(([name, value]) => {
          const unit = displayUnit(outputs.get(name)?.unit ?? '1', value);
          return (
            <tr key={name}>
              <th scope="row">
                {outputs.get(name)?.label ?? words(name)}
                <span class="hint">{described(outputs.get(name))}</span>
              </th>
              <td class="number">{format(fromSi(value, unit))}</td>
              <td>{unit.name}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** What the description says beside the label; its unit stands elsewhere. */
export function described(output: Output | undefined): string {
  const text = output?.description.replace(/ \[[^\]]*\]$/, '') ?? '';
  return text.toLowerCase() === output?.label.toLowerCase() ? '' : text;
}

/** The properties in the schema's order, and those that it does not know. */
function completed(known: Map<string, Output> | undefined, values: Record<string, number | boolean> | undefined): Output[] {
  const names = Object.keys(values ?? {});
  const order = known ? [...known.keys()] : [];
  const found = [...order.filter((name) => names.includes(name)), ...names.filter((name) => !order.includes(name))];
  return found.map(
    (name) =>
      known?.get(name) ?? {
        name,
        label: words(name),
        unit: '1',
        description: '',
        kind: typeof values?.[name] === 'boolean' ? 'boolean' : 'number',
      },
  );
}

function useSchema(): Signal<Schema | null> {
  const known = useSignal<Schema | null>(null);
  const models = modelsNow();
  useEffect(() => {
    schema().then(
      (found) => (known.value = found),
      () => undefined, // labels are made of the names then; the connection's banner says the rest
    );
  }, [models, stale.value]);
  return known;
}

const modelsNow = (): string => factory.value?.models ?? '';

/** Asked when the machine is opened, gets or ends a batch, or is set otherwise, and after the server was away. */
function useStatus(machine: Machine): { status: Signal<MachineStatus | null>; problem: Signal<unknown> } {
  const status = useSignal<MachineStatus | null>(null);
  const problem = useSignal<unknown>(null);
  useEffect(() => {
    if (stale.value) return;
    const stopped = new AbortController();
    get<MachineStatus>(`machine/${machine.line}/${machine.id}/status`, stopped.signal).then(
      (answer) => {
        status.value = answer;
        problem.value = null;
      },
      (error: unknown) => {
        if (!stopped.signal.aborted) problem.value = error;
      },
    );
    return () => stopped.abort();
  }, [machine.process, machine.batch, machine.changes, stale.value]);
  return { status, problem };
}

interface Past {
  id: string | null;
  batch: Batch | null;
  /** Whether there is one is known. */
  searched: boolean;
}

const LOOK_BACK = 20;

/** The batch that it did last, while it does none. */
function usePast(machine: Machine): Signal<Past> {
  const past = useSignal<Past>({ id: null, batch: null, searched: false });
  useEffect(() => {
    if (machine.batch !== null) {
      past.value = { id: machine.batch, batch: null, searched: true };
      return;
    }
    if (stale.value) return;
    const stopped = new AbortController();
    lastOf(machine.process, past.peek().id, stopped.signal).then(
      (batch) => (past.value = { id: batch?.batch_id ?? past.peek().id, batch, searched: true }),
      () => undefined,
    );
    return () => stopped.abort();
  }, [machine.process, machine.batch, stale.value]);
  return past;
}

async function lastOf(process: string, id: string | null, signal: AbortSignal): Promise<Batch | null> {
  if (id !== null) return get<Batch>(`batches/${encodeURIComponent(id)}`, signal);
  const { batches } = await get<BatchPage>(`batches?limit=${LOOK_BACK}`, signal);
  return batches.find((batch) => (batch.machines[process]?.steps ?? 0) > 0) ?? null;
}

/** @param total  undefined: not known yet */
function useTrend(process: string, batch: string | null, working: boolean, total: number | undefined): Trend | null {
  const trend = useMemo(() => (batch === null ? null : new Trend(batch, process)), [process, batch]);
  const known = total !== undefined;
  useEffect(() => () => trend?.stop(), [trend]);
  useEffect(() => {
    if (!trend || !known) return;
    if (!working) {
      trend.finish(total);
      return;
    }
    return follow(
      process,
      (of, step) => {
        if (of === trend.batch) trend.add(step);
      },
      () => trend.connected(total),
    );
  }, [trend, working, known]);
  return trend;
}
