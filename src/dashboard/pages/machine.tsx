// One machine: what it works on, the product's values in it and their trend, its parameters.

import './machine.css';

import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';

import { Download } from '../download';
import type { IconName } from '../icons';
import { factory, onMessages, pacing, stale, type Machine } from '../live';
import { link } from '../router';
import { causeWords, words, type Output } from '../schema';
import { outputOf } from '../series';
import { type Batch, type BatchPage, get, getBatch, type MachineResult, type MachineStatus } from '../server';
import { displayUnit, format, fromSi } from '../units';
import { Problem, Progress, State, WordState } from '../ui';
import { Parameters } from './parameters';
import { described, useSchema, useTrend } from './parts';
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
  const machine = useCalm(signal).value;
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
    () => completed(known?.outputs(machine.process, past.value.batch?.models ?? modelsNow()), values),
    [known, machine.process, Object.keys(values ?? {}).join()],
  );
  const specifics = status.value?.process_specifics;
  return (
    <>
      <Problem error={problem.value} />
      <nav class="jump" aria-label="In this drawer">
        {batch !== null && values && <Jump to="trends-heading">Trend</Jump>}
        {batch !== null && values && <Jump to="values-heading">Product</Jump>}
        {status.value && <Jump to="parameters-heading">Parameters</Jump>}
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
          <Specifics values={specifics} outputs={known?.specifics(machine.process) ?? new Map()} />
        </section>
      )}
      {batch !== null && trend && trend.without.value !== 'kept' && (
        <p>
          <Download
            path={`batches/${encodeURIComponent(batch)}/telemetry?machine=${machine.process}&format=csv`}
            name={`${batch}-${machine.process}.csv`}
          >
            All steps as CSV
          </Download>
        </p>
      )}
      {stale.value && !status.value && <p class="hint">Its values and parameters cannot be loaded while not connected.</p>}
      {known && status.value && <Parameters machine={machine} status={status} known={known} />}
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
          <span class="dim">{searched ? 'None of the latest batches has been in this machine.' : ''}</span>
        )}
        {machine.batch === null && result?.outcome && <WordState word={result.outcome} />}
        {machine.batch === null && result && !result.outcome && result.status !== 'completed' && <WordState word={result.status} />}
      </p>
      {machine.batch === null && result && result.causes.length > 0 && (
        <p class="hint">Reason: {result.causes.map((cause) => causeWords(cause).toLowerCase()).join(', ')}</p>
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

/** The properties in the schema's order, and those that it does not know. */
function completed(known: Map<string, Output> | undefined, values: Record<string, number | boolean> | undefined): Output[] {
  const names = Object.keys(values ?? {});
  const order = known ? [...known.keys()] : [];
  const found = [...order.filter((name) => names.includes(name)), ...names.filter((name) => !order.includes(name))];
  return found.map((name) => outputOf(name, known, values?.[name]));
}

const CALM = 300;

/** When batches rush through the machine, not each of them is worth asking the server for. */
function useCalm<T>(source: Signal<T>): Signal<T> {
  const calm = useSignal(source.peek());
  useEffect(() => {
    let timer = 0;
    let last = 0;
    const pass = (): void => {
      timer = 0;
      last = Date.now();
      calm.value = source.peek();
    };
    const end = source.subscribe(() => {
      if (timer === 0) timer = window.setTimeout(pass, Math.max(0, last + CALM - Date.now()));
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [source]);
  return calm;
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
  const left = useLeft(machine.process).value;
  // What was not found is looked for again when there is more to find.
  const known = past.value.id !== null || (factory.value?.counters.completed ?? 0);
  useEffect(() => {
    if (machine.batch !== null) {
      past.value = { id: machine.batch, batch: null, searched: true };
      return;
    }
    if (stale.value) return;
    const stopped = new AbortController();
    lastOf(machine.process, left ?? past.peek().id, stopped.signal).then(
      (batch) => (past.value = { id: batch?.batch_id ?? past.peek().id, batch, searched: true }),
      () => undefined,
    );
    return () => stopped.abort();
  }, [machine.process, machine.batch, left, known, stale.value]);
  return past;
}

/** The batch that left the machine last, as the events told. */
function useLeft(process: string): Signal<string | null> {
  const left = useSignal<string | null>(null);
  useEffect(
    () =>
      onMessages((messages) => {
        for (const { status, process_name, data } of messages)
          if (status === 'machine_turned_off' && process_name === process) left.value = data.batch_id;
      }),
    [process],
  );
  return useCalm(left);
}

async function lastOf(process: string, id: string | null, signal: AbortSignal): Promise<Batch | null> {
  if (id !== null) return getBatch(id, signal);
  // The newest may all be waiting in the queue.
  for (const query of [`limit=${LOOK_BACK}`, `status=completed&limit=1`]) {
    const { batches } = await get<BatchPage>(`batches?${query}`, signal);
    const found = batches.find((batch) => (batch.machines[process]?.steps ?? 0) > 0);
    if (found) return found;
  }
  return null;
}
