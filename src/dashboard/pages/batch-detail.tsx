// One batch: how it does, what came of it, machine by machine, and what it was made with.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { Download } from '../download';
import { valuesOf, valueText } from '../form';
import { Icon } from '../icons';
import { onMessages, stale } from '../live';
import { link } from '../router';
import type { Schema } from '../schema';
import { type Batch, getBatch, Refusal } from '../server';
import { moment } from '../time';
import { Fact, Problem, WordState } from '../ui';
import { EndOfLine } from './batch-end';
import { Elapsed, LineProgress } from './batch-list';
import { Machines } from './batch-machines';
import { Actions, outcomeOf, processLabel } from './batch-parts';
import { batchPath, isOver, stateOf } from './batch-store';
import { useSchema } from './parts';

const PAUSE = 1_000; // between two looks at it that events make due

/** Kept up to date with its events. */
function useBatch(id: string): { batch: Batch | null; error: unknown } {
  const batch = useSignal<Batch | null>(null);
  const error = useSignal<unknown>(null);
  const away = stale.value;
  useEffect(() => {
    const control = new AbortController();
    let timer = 0;
    let last = 0;
    let out = false;
    const look = async (): Promise<void> => {
      timer = 0;
      last = Date.now();
      out = true;
      try {
        batch.value = await getBatch(id, control.signal);
        error.value = null;
      } catch (problem) {
        if (!control.signal.aborted) error.value = problem;
      }
      out = false;
      if (due && !control.signal.aborted) soon();
    };
    // One after the other: an answer that comes late must not stand for what is newer.
    let due = false;
    const soon = (): void => {
      due = out;
      if (!out && timer === 0) timer = window.setTimeout(() => void look(), Math.max(0, last + PAUSE - Date.now()));
    };
    if (!away || batch.peek() === null) void look();
    const end = onMessages((messages) => {
      if (messages.some(({ status, data }) => data.batch_id === id && status !== 'batch_progress')) soon();
    });
    return () => {
      end();
      clearTimeout(timer);
      control.abort();
    };
  }, [id, away]);
  return { batch: batch.value, error: error.value };
}

export function BatchDetail({ id }: { id: string }) {
  const schema = useSchema();
  const { batch, error } = useBatch(id);
  const missing = error instanceof Refusal && error.status === 404;
  return (
    <>
      <p>
        <a href="#/batches">All batches</a>
      </p>
      <div class="toolbar heading">
        <h1>Batch {id}</h1>
        {batch && !missing && (
          <>
            <WordState word={stateOf(batch)} />
            {isOver(batch) && outcomeOf(batch) === 'scrap' && <WordState word="scrap" />}
            <Actions batch={batch} />
          </>
        )}
      </div>
      {missing ? (
        <div class="card nothing">
          <p>There is no batch with this id. It may have been made by a server that kept nothing, or the id is mistyped.</p>
          <a class="button" href={link(['batches'], { search: id })}>
            Search for it
          </a>
        </div>
      ) : (
        <>
          <Problem error={error} />
          {batch ? <Whole batch={batch} schema={schema} /> : error ? null : <p class="hint">Loading …</p>}
        </>
      )}
    </>
  );
}

function Whole({ batch, schema }: { batch: Batch; schema: Schema | null }) {
  return (
    <>
      {batch.error && (
        <p class="problem">
          <Icon name="failed" /> {batch.error}
        </p>
      )}
      {batch.warnings.length > 0 && (
        <div class="card warnings">
          <h2>
            <Icon name="warning" /> {batch.warnings.length === 1 ? 'Warning' : 'Warnings'}
          </h2>
          <ul>
            {batch.warnings.map((warning, index) => (
              <li key={index}>{warning}</li>
            ))}
          </ul>
        </div>
      )}
      {batch.status === 'running' && (
        <section class="card" aria-labelledby="progress">
          <h2 id="progress">Progress</h2>
          <LineProgress id={batch.batch_id} />
        </section>
      )}
      <Facts batch={batch} />
      <EndOfLine batch={batch} schema={schema} />
      <Machines batch={batch} schema={schema} />
      <Parameters batch={batch} schema={schema} />
      <Downloads batch={batch} />
    </>
  );
}

function Facts({ batch }: { batch: Batch }) {
  const at = (time: string | null) => (time === null ? '–' : <time dateTime={time}>{moment(time)}</time>);
  return (
    <dl class="facts card">
      <Fact name="Created">{at(batch.created_at)}</Fact>
      <Fact name="Started">{at(batch.started_at)}</Fact>
      <Fact name="Finished">{at(batch.finished_at)}</Fact>
      <Fact name="Duration">
        <Elapsed batch={batch} />
      </Fact>
      <Fact name="Seed">
        <code>{batch.seed}</code>
      </Fact>
      <Fact name="Models">{batch.models}</Fact>
      {batch.attempt > 1 && <Fact name="Attempt">{batch.attempt}, after a restart of the server</Fact>}
    </dl>
  );
}

// Parameters

interface ParameterRow {
  process: string;
  name: string;
  label: string;
  value: string;
  standard: string;
  differs: boolean;
}

function rowsOf(batch: Batch, schema: Schema): ParameterRow[] {
  return schema.groups.flatMap((group) => {
    const values = batch.parameters[group.name];
    if (!values) return [];
    const now = valuesOf(group, values);
    return group.fields.map((field) => ({
      process: group.process,
      name: `${group.name}.${field.name}`,
      label: field.label,
      value: valueText(field, now[field.name]),
      standard: field.standard === null && !field.nullable ? '–' : valueText(field, field.standard),
      differs: now[field.name] !== undefined && now[field.name] !== field.standard,
    }));
  });
}

function Parameters({ batch, schema }: { batch: Batch; schema: Schema | null }) {
  const only = useSignal(false);
  if (!schema) return null;
  const rows = rowsOf(batch, schema);
  const differ = rows.filter((row) => row.differs).length;
  const shownRows = only.value ? rows.filter((row) => row.differs) : rows;
  const open = batch.status === 'queued' || batch.status === 'running';
  if (rows.length === 0)
    return open ? (
      <section aria-labelledby="parameters">
        <h2 id="parameters">Parameters</h2>
        <p class="hint">None are recorded yet: each machine uses its own settings when the batch reaches it.</p>
      </section>
    ) : null;
  return (
    <section aria-labelledby="parameters">
      <h2 id="parameters">Parameters</h2>
      {open && <p class="hint">The others are recorded when the batch reaches their machine.</p>}
      <details class="section">
        <summary>
          <span>What it was made with</span>
          <span class={differ > 0 ? 'count' : 'hint'}>
            {differ > 0 ? `${differ} of ${rows.length} differ from the present defaults` : 'the same as the present defaults'}
          </span>
        </summary>
        {differ > 0 && (
          <label class="check">
            <input type="checkbox" checked={only.value} onChange={(event) => (only.value = event.currentTarget.checked)} /> Only
            those that differ
          </label>
        )}
        <div class="scroll" tabIndex={0} role="region" aria-label="Parameters of the batch">
          <table>
            <thead>
              <tr>
                <th scope="col">Machine</th>
                <th scope="col">Parameter</th>
                <th scope="col" class="number">
                  Value
                </th>
                <th scope="col" class="number">
                  Default
                </th>
              </tr>
            </thead>
            <tbody>
              {shownRows.map((row, index) => (
                <tr key={row.name} class={row.differs ? 'differs' : undefined}>
                  <td>{shownRows[index - 1]?.process === row.process ? '' : processLabel(schema, row.process)}</td>
                  <th scope="row">{row.label}</th>
                  <td class="number">
                    {row.differs && <span class="mark">differs</span>} {row.value}
                  </td>
                  <td class="number dim">{row.standard}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}

function Downloads({ batch }: { batch: Batch }) {
  const path = batchPath(batch.batch_id);
  return (
    <section aria-labelledby="downloads">
      <h2 id="downloads">Downloads</h2>
      <div class="toolbar">
        <Download class="button" path={`${path}/telemetry?format=csv`} name={`${batch.batch_id}-telemetry.csv`}>
          <Icon name="down" /> All steps as CSV
        </Download>
        <Download class="button" path={`${path}/telemetry`} name={`${batch.batch_id}-telemetry.json`}>
          <Icon name="down" /> All steps as JSON
        </Download>
        <Download class="button" path={path} name={`${batch.batch_id}.json`}>
          <Icon name="down" /> This batch as JSON
        </Download>
      </div>
      <p class="hint">For a single machine, open it above. All files are in SI units.</p>
    </section>
  );
}
