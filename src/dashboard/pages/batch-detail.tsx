// One batch: how it does, what came of it, machine by machine, and what it was made with.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

import { valuesOf, valueText } from '../form';
import { Icon } from '../icons';
import { onMessages, stale } from '../live';
import { link, place, refine } from '../router';
import { words, type Output, type Schema } from '../schema';
import { get, Refusal, url, type Batch, type MachineResult } from '../server';
import { follow, stepsOf, type Step } from '../telemetry';
import { moment } from '../time';
import { Problem, State, WordState } from '../ui';
import { format, shown } from '../units';
import { CourseChart, MANY_STEPS, propertiesOf, PropertyPicker } from './batch-charts';
import { Elapsed, LineProgress } from './batch-list';
import { Actions, byLine, causeLabel, figure, processLabel, tableTitle, tableUnit, useSchema } from './batch-parts';
import { batchPath, stateOf } from './batch-store';

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
    const look = () => {
      timer = 0;
      last = Date.now();
      get<Batch>(batchPath(id), control.signal).then(
        (found) => {
          batch.value = found;
          error.value = null;
        },
        (problem: unknown) => {
          if (!control.signal.aborted) error.value = problem;
        },
      );
    };
    if (!away || batch.peek() === null) look();
    const end = onMessages((messages) => {
      if (timer !== 0) return;
      if (messages.some(({ status, data }) => data.batch_id === id && status !== 'batch_progress'))
        timer = window.setTimeout(look, Math.max(0, last + PAUSE - Date.now()));
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
            {batch.warnings.map((warning) => (
              <li>{warning}</li>
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
      <div>
        <dt>Created</dt>
        <dd>{at(batch.created_at)}</dd>
      </div>
      <div>
        <dt>Started</dt>
        <dd>{at(batch.started_at)}</dd>
      </div>
      <div>
        <dt>Finished</dt>
        <dd>{at(batch.finished_at)}</dd>
      </div>
      <div>
        <dt>Duration</dt>
        <dd>
          <Elapsed batch={batch} />
        </dd>
      </div>
      <div>
        <dt>Seed</dt>
        <dd>
          <code>{batch.seed}</code>
        </dd>
      </div>
      <div>
        <dt>Models</dt>
        <dd>{batch.models}</dd>
      </div>
      {batch.attempt > 1 && (
        <div>
          <dt>Attempt</dt>
          <dd>{batch.attempt}, after a restart of the server</dd>
        </div>
      )}
    </dl>
  );
}

// End of line

function EndOfLine({ batch, schema }: { batch: Batch; schema: Schema | null }) {
  const all = Object.entries(batch.end_of_line ?? {});
  const plain = all.filter(([, value]) => typeof value === 'number' || typeof value === 'boolean');
  const tables = all.flatMap(([name, value]): [string, Record<string, number>][] =>
    typeof value === 'object' && value !== null ? [[name, value as Record<string, number>]] : [],
  );
  const unknown = all.filter(([, value]) => value === null).map(([name]) => schema?.endOfLine.get(name)?.label ?? words(name));
  return (
    <section aria-labelledby="end">
      <h2 id="end">End of line</h2>
      {batch.end_of_line === null && (
        <p class="hint">
          {batch.status === 'queued' || batch.status === 'running'
            ? 'The figures follow when the batch is completed.'
            : 'The batch did not reach the end of the line, so there are no figures.'}
        </p>
      )}
      {plain.length > 0 && (
        <dl class="figures">
          {plain.map(([name, value]) => {
            const output = schema?.endOfLine.get(name);
            return (
              <div class="card" key={name}>
                <dt>{output?.label ?? words(name)}</dt>
                <dd>{figure(output, value)}</dd>
                {output?.description && <dd class="hint">{output.description}</dd>}
              </div>
            );
          })}
        </dl>
      )}
      {unknown.length > 0 && <p class="hint">Not calculated by these models: {unknown.join(', ')}.</p>}
      <div class="bars-beside">
        {tables.map(([name, values]) => (
          <Bars key={name} name={name} values={values} output={schema?.endOfLine.get(name)} schema={schema} />
        ))}
      </div>
    </section>
  );
}

interface BarsProps {
  name: string;
  values: Record<string, number>;
  output: Output | undefined;
  schema: Schema | null;
}

function Bars({ name, values, output, schema }: BarsProps) {
  const sorted = Object.entries(values).sort(([, a], [, b]) => b - a);
  const most = Math.max(...sorted.map(([, value]) => value), 0);
  const sum = sorted.reduce((all, [, value]) => all + value, 0);
  const title = tableTitle(name);
  const unit = tableUnit(name);
  const text = (value: number) => `${format(value, 4)}${unit ? ` ${unit}` : ''}`;
  return (
    <div class="card">
      <h3>
        {title}
        {sorted.length > 0 && <span class="hint"> {text(sum)} in all</span>}
      </h3>
      {output?.description && <p class="hint">{output.description}</p>}
      {sorted.length === 0 ? (
        <p>None.</p>
      ) : (
        <ul class="bars">
          {sorted.map(([key, value]) => (
            <li key={key}>
              <span>{causeLabel(schema, key)}</span>
              <b>{text(value)}</b>
              <span class="bar" aria-hidden="true">
                <span style={{ width: `${most > 0 ? (100 * value) / most : 0}%` }} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

// Machines

function Machines({ batch, schema }: { batch: Batch; schema: Schema | null }) {
  const opened = place.value.query.get('machine');
  return (
    <section aria-labelledby="machines">
      <h2 id="machines">Machines</h2>
      <p class="hint">What each machine did to the nominal cell. Open one to see its properties, step by step.</p>
      <div class="machines">
        {byLine(Object.entries(batch.machines), ([process]) => process).map(([line, ofLine]) => (
          <section key={line} class="line" aria-label={`${words(line)} line`}>
            <h3>{words(line)} line</h3>
            {ofLine.map(([process, result]) => (
              <MachineSection
                key={process}
                batch={batch}
                process={process}
                result={result}
                schema={schema}
                open={opened === process}
              />
            ))}
          </section>
        ))}
      </div>
    </section>
  );
}

interface MachineProps {
  batch: Batch;
  process: string;
  result: MachineResult;
  schema: Schema | null;
  open: boolean;
}

function MachineSection({ batch, process, result, schema, open: first }: MachineProps) {
  const open = useSignal(first);
  const element = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (first) element.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  const toggled = (now: boolean) => {
    if (now === open.peek()) return;
    open.value = now;
    // The last that was opened can be linked to.
    if (now) refine({ machine: process });
    else if (place.peek().query.get('machine') === process) refine({ machine: undefined, property: undefined });
  };
  const waits = result.status === 'pending';
  return (
    <details class="section" ref={element} open={open.value} onToggle={(event) => toggled(event.currentTarget.open)}>
      <summary>
        <span>{processLabel(schema, process)}</span>
        <MachineState result={result} />
        {!waits && <span class="hint">{result.steps} steps</span>}
        {result.causes.length > 0 && <span class="hint">{result.causes.map(words).join(', ')}</span>}
      </summary>
      {open.value &&
        (waits ? <p class="hint">The batch has not reached this machine yet.</p> : <Opened {...{ batch, process, result, schema }} />)}
    </details>
  );
}

function MachineState({ result }: { result: MachineResult }) {
  if (result.outcome && result.status === 'completed') return <WordState word={result.outcome} />;
  if (result.status === 'pending')
    return (
      <State kind="off" icon="waiting">
        pending
      </State>
    );
  return <WordState word={result.status} />;
}

function Opened({ batch, process, result, schema }: Omit<MachineProps, 'open'>) {
  const outputs = schema?.outputs(process, batch.models);
  const properties = Object.entries(result.properties ?? {});
  const label = processLabel(schema, process);
  return (
    <div class="opened">
      <div>
        <Telemetry batch={batch} process={process} result={result} outputs={outputs} label={label} />
      </div>
      <div>
        <h4>{batch.status === 'running' && result.status === 'running' ? 'Properties now' : 'Properties at the end'}</h4>
        <div class="scroll" tabIndex={0} role="region" aria-label={`Properties of ${label}`}>
          <table class="properties">
            <thead>
              <tr>
                <th scope="col">Property</th>
                <th scope="col" class="number">
                  Value
                </th>
                <th scope="col">What it is</th>
              </tr>
            </thead>
            <tbody>
              {properties.map(([name, value]) => {
                const output = outputs?.get(name);
                return (
                  <tr key={name}>
                    <th scope="row">{output?.label ?? words(name)}</th>
                    <td class="number">{shown(value, output?.unit)}</td>
                    <td class="hint">{output?.description.replace(/ \[[^\]]*\]/, '')}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      </div>
    </div>
  );
}

interface TelemetryProps {
  batch: Batch;
  process: string;
  result: MachineResult;
  outputs: Map<string, Output> | undefined;
  label: string;
}

function Telemetry({ batch, process, result, outputs, label }: TelemetryProps) {
  const id = batch.batch_id;
  const steps = useSignal<readonly Step[] | null>(null);
  const error = useSignal<unknown>(null);
  const wanted = useSignal(result.steps <= MANY_STEPS);
  const runs = result.status === 'running' && batch.status === 'running';
  useEffect(() => {
    if (!wanted.value) return;
    const control = new AbortController();
    stepsOf(id, process, control.signal).then(
      (found) => {
        steps.value = joined(found, steps.peek() ?? []);
        error.value = null;
      },
      (problem: unknown) => {
        if (!control.signal.aborted) error.value = problem;
      },
    );
    if (!runs) return () => control.abort();
    // While it works: what comes, a few times a second.
    let fresh: Step[] = [];
    const end = follow(process, (of, step) => of === id && fresh.push(step));
    const timer = setInterval(() => {
      if (fresh.length === 0) return;
      steps.value = joined(steps.peek() ?? [], fresh);
      fresh = [];
    }, 250);
    return () => {
      control.abort();
      clearInterval(timer);
      end();
    };
  }, [id, process, runs, wanted.value]);

  // A server without a database keeps none, and says so.
  const none = error.value instanceof Refusal && error.value.status === 404 ? error.value.message : '';
  const csv = url(`${batchPath(id)}/telemetry?machine=${process}&format=csv`).href;
  const names = steps.value ? propertiesOf([{ label: '', steps: steps.value }]) : [];
  const asked = place.value.query.get('machine') === process ? place.value.query.get('property') : null;
  const own = useSignal('');
  const property = names.find((name) => name === (own.value || asked)) ?? names.find((name) => outputs?.get(name)?.kind !== 'boolean') ?? '';
  return (
    <>
      <div class="toolbar">
        {names.length > 0 && (
          <PropertyPicker
            names={names}
            outputs={outputs}
            value={property}
            choose={(name) => {
              own.value = name;
              refine({ machine: process, property: name });
            }}
          />
        )}
        {!none && (
          <a class="button" href={csv} download={`${id}-${process}.csv`} aria-label={`CSV: steps of ${label}`}>
            <Icon name="down" /> CSV
          </a>
        )}
      </div>
      {none ? <p class="hint">{none}.</p> : <Problem error={error.value} />}
      {!wanted.value ? (
        <p>
          {result.steps} steps take a while to load and draw.{' '}
          <button type="button" onClick={() => (wanted.value = true)}>
            Load them anyway
          </button>
        </p>
      ) : steps.value === null ? (
        error.value ? null : (
          <p class="hint">Loading the steps …</p>
        )
      ) : names.length === 0 ? (
        <p class="hint">The server kept no steps of this machine.</p>
      ) : (
        <Course steps={steps.value} {...{ id, label, property, outputs }} />
      )}
    </>
  );
}

interface CourseProps {
  id: string;
  label: string;
  property: string;
  outputs: Map<string, Output> | undefined;
  steps: readonly Step[];
}

function Course({ id, label, property, outputs, steps }: CourseProps) {
  const last = useRef<{ steps: readonly Step[]; courses: { label: string; steps: readonly Step[] }[] }>({ steps: [], courses: [] });
  if (last.current.steps !== steps) last.current = { steps, courses: [{ label: `Batch ${id}`, steps }] };
  return <CourseChart machine={label} property={property} output={outputs?.get(property)} courses={last.current.courses} />;
}

/** Each step once, in order. */
function joined(some: readonly Step[], more: readonly Step[]): Step[] {
  const last = some.at(-1)?.step ?? -1;
  if (more.every((one) => one.step > last)) return [...some, ...more];
  const all = new Map([...more, ...some].map((one) => [one.step, one]));
  return [...all.values()].sort((a, b) => a.step - b.step);
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
        <a class="button" href={url(`${path}/telemetry?format=csv`).href} download={`${batch.batch_id}-telemetry.csv`}>
          <Icon name="down" /> All steps as CSV
        </a>
        <a class="button" href={url(`${path}/telemetry`).href} download={`${batch.batch_id}-telemetry.json`}>
          <Icon name="down" /> All steps as JSON
        </a>
        <a class="button" href={url(path).href} download={`${batch.batch_id}.json`}>
          <Icon name="down" /> This batch as JSON
        </a>
      </div>
      <p class="hint">For a single machine, open it above. All files are in SI units.</p>
    </section>
  );
}
