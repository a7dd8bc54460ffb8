// Several batches side by side. Which are chosen, and what of them is drawn, is in the address.

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useMemo, useRef } from 'preact/hooks';

import { valuesOf, valueText } from '../form';
import { Icon } from '../icons';
import { stale } from '../live';
import { link, place, refine } from '../router';
import { save } from '../save';
import { words, type Output, type Schema } from '../schema';
import { type Batch, getBatch, Refusal } from '../server';
import { telling } from '../series';
import { MOST_STEPS, stepsOf } from '../telemetry';
import { Problem, WordState } from '../ui';
import { format, shown } from '../units';
import { CourseChart, propertiesOf, PropertyPicker, type Course } from './batch-charts';
import { csvOf } from './batch-csv';
import { MOST_COMPARED } from './batch-list';
import { byLine, causeLabel, figure, outcomeOf, processLabel, tableTitle, tableUnit } from './batch-parts';
import { stateOf } from './batch-store';
import { useLoaded, useSchema } from './parts';

interface Found {
  batches: Batch[];
  missing: string[];
}

async function load(ids: string[], abort: AbortSignal): Promise<Found> {
  const answers = await Promise.all(
    ids.map(async (id): Promise<Batch | string> => {
      try {
        return await getBatch(id, abort);
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return id;
        throw error;
      }
    }),
  );
  return {
    batches: answers.filter((answer) => typeof answer !== 'string'),
    missing: answers.filter((answer) => typeof answer === 'string'),
  };
}

const choose = (ids: string[]) => refine({ compare: ids.join(',') });

/** The one that the others are compared with stands first. */
function baseFirst(batches: Batch[]): Batch[] {
  const base = batches.find((batch) => batch.batch_id === place.value.query.get('base'));
  return base ? [base, ...batches.filter((batch) => batch !== base)] : batches;
}

export function BatchCompare({ ids: given }: { ids: string[] }) {
  const schema = useSchema();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    scrollTo(0, 0);
    heading.current?.focus();
  }, []);
  const all = [...new Set(given)];
  const ids = all.slice(0, MOST_COMPARED);
  const { value, error } = useLoaded((abort) => load(ids, abort), `${ids.join(',')} ${stale.value ? 'away' : ''}`);
  const batches = baseFirst(value?.batches.filter((batch) => ids.includes(batch.batch_id)) ?? []);
  return (
    <>
      <p>
        <a href="#/batches">All batches</a>
      </p>
      <h1 ref={heading} tabIndex={-1}>
        Compare batches
      </h1>
      <div class="toolbar">
        {batches.length > 1 && <Base batches={batches} ids={ids} />}
        <Add ids={ids} />
        {schema && batches.length > 0 && (
          <button type="button" onClick={() => save('battery-twin-comparison.csv', csvOf(batches, schema), 'text/csv')}>
            <Icon name="down" /> Download CSV
          </button>
        )}
      </div>
      {all.length > ids.length && <p class="note">Only the first {MOST_COMPARED} are compared.</p>}
      {value && value.missing.length > 0 && (
        <p class="note" role="status">
          <Icon name="warning" /> There is no batch {value.missing.join(', ')}.
        </p>
      )}
      <Problem error={error} />
      {value === null ? (
        error ? null : (
          <p class="hint">Loading …</p>
        )
      ) : batches.length === 0 ? (
        <p class="card nothing">Add batches by their ids, or select them in the table of batches.</p>
      ) : (
        <>
          <Figures batches={batches} schema={schema} ids={ids} />
          {schema && <Differences batches={batches} schema={schema} />}
          <Overlay batches={batches} schema={schema} />
        </>
      )}
    </>
  );
}

function Base({ batches, ids }: { batches: Batch[]; ids: string[] }) {
  const id = useId();
  const found = ids.filter((one) => batches.some((batch) => batch.batch_id === one));
  return (
    <span class="pick">
      <label for={id}>Compare with</label>
      <select id={id} value={batches[0]?.batch_id} onChange={(event) => refine({ base: event.currentTarget.value })}>
        {found.map((one) => (
          <option key={one} value={one}>
            Batch {one}
          </option>
        ))}
      </select>
    </span>
  );
}

function Add({ ids }: { ids: string[] }) {
  const typed = useSignal('');
  const full = ids.length >= MOST_COMPARED;
  const add = (event: Event) => {
    event.preventDefault();
    const id = typed.value.trim();
    if (!id || full) return;
    choose([...ids, id]);
    typed.value = '';
  };
  return (
    <form class="find" onSubmit={add}>
      <label class="find">
        Id of another
        <input type="text" value={typed.value} disabled={full} onInput={(event) => (typed.value = event.currentTarget.value)} />
      </label>
      <button type="submit" disabled={full}>
        <Icon name="plus" /> Add
      </button>
      {full && <span class="hint">{MOST_COMPARED} at most</span>}
    </form>
  );
}

// The tables

/** A row: what each batch has, and how far it is from the first one. */
interface Row {
  key: string;
  label: ComponentChildren;
  cells: { value: ComponentChildren; difference?: string }[];
  same: boolean;
}

/** "+3.2 %", or the plain difference where there is no sense in a ratio; nothing where they are the same. */
function difference(value: unknown, base: unknown, unit = '1', name = ''): string {
  if (typeof value !== 'number' || typeof base !== 'number') return '';
  const off = value - base;
  const least = 1e-9 * Math.max(Math.abs(value), Math.abs(base)); // what rounding leaves
  if (!(Math.abs(off) > least)) return '';
  const signed = (text: string): string => `${off > 0 ? '+' : '−'}${text}`;
  if (name === 'yield') return signed(`${format(Math.abs(off) * 100, 3)} points`);
  if (unit === 'K' || unit === 'degC') return signed(`${format(Math.abs(off), 3)} K`);
  if (base === 0) return signed(shown(Math.abs(off), unit, 3));
  return signed(`${format((Math.abs(off) / Math.abs(base)) * 100, 3)} %`);
}

function numberRow(key: string, output: Partial<Output> & { label: string }, values: unknown[], text: (value: unknown) => string): Row {
  const base = text(values[0]);
  return {
    key,
    label: output.label,
    // Too little to be seen is too little to be said.
    cells: values.map((value) => ({
      value: text(value),
      difference: text(value) === base ? '' : difference(value, values[0], output.unit, key),
    })),
    same: values.every((value) => text(value) === base),
  };
}

function textRow(key: string, label: string, texts: (string | null)[], cell: (text: string | null, index: number) => ComponentChildren): Row {
  return {
    key,
    label,
    cells: texts.map((text, index) => ({ value: cell(text, index) })),
    same: new Set(texts).size === 1,
  };
}

const isTable = (value: unknown): value is Record<string, number> => typeof value === 'object' && value !== null;

function factRows(batches: Batch[], schema: Schema | null): Row[] {
  const names = new Set(batches.flatMap((batch) => Object.keys(batch.end_of_line ?? {})));
  const word = (text: string | null) => (text === null ? '–' : <WordState word={text} />);
  const rows = [
    textRow('state', 'State', batches.map(stateOf), word),
    textRow('outcome', 'Outcome', batches.map(outcomeOf), word),
    textRow('warnings', 'Warnings', batches.map(({ warnings }) => warnings.join('\n')), (_, index) => (
      <Warnings all={batches[index]?.warnings ?? []} />
    )),
  ];
  for (const name of names) {
    const values = batches.map((batch) => batch.end_of_line?.[name]);
    if (!values.some((value) => typeof value === 'number')) continue;
    const output = schema?.endOfLine.get(name);
    rows.push(numberRow(name, output ?? { label: words(name) }, values, (value) => figure(output, value)));
  }
  return rows;
}

function Warnings({ all }: { all: string[] }) {
  if (all.length === 0) return <>none</>;
  return (
    <details class="told">
      <summary>{all.length === 1 ? '1 warning' : `${all.length} warnings`}</summary>
      <ul>
        {all.map((warning) => (
          <li>{warning}</li>
        ))}
      </ul>
    </details>
  );
}

/** Scrap by cause, energy by machine: a part of the table for each. */
function parts(batches: Batch[], schema: Schema | null): { title: string; rows: Row[] }[] {
  const names = new Set(batches.flatMap((batch) => Object.keys(batch.end_of_line ?? {})));
  return [...names].flatMap((name) => {
    const tables = batches.map((batch) => batch.end_of_line?.[name]);
    const keys = new Set(tables.filter(isTable).flatMap((table) => Object.keys(table)));
    if (keys.size === 0) return [];
    const unit = tableUnit(name);
    const rows = [...keys].map((key) =>
      numberRow(
        `${name}.${key}`,
        { label: causeLabel(schema, key) },
        tables.map((table) => (isTable(table) ? (table[key] ?? 0) : undefined)),
        (value) => (typeof value === 'number' ? format(value, 4) : '–'),
      ),
    );
    return [{ title: unit ? `${tableTitle(name)} (${unit})` : tableTitle(name), rows }];
  });
}

interface FiguresProps {
  batches: Batch[];
  schema: Schema | null;
  ids: string[];
}

function Figures({ batches, schema, ids }: FiguresProps) {
  const only = useSignal(false);
  const wanted = (rows: Row[]): Row[] => (only.value ? rows.filter((row) => !row.same) : rows);
  const remove = (batch: Batch) => (
    <button
      type="button"
      class="quiet"
      aria-label={`Remove batch ${batch.batch_id} from the comparison`}
      onClick={() => choose(ids.filter((id) => id !== batch.batch_id))}
    >
      <Icon name="close" />
    </button>
  );
  return (
    <section aria-labelledby="figures">
      <h2 id="figures">End of line</h2>
      {batches.length > 1 && (
        <label class="check">
          <input type="checkbox" checked={only.value} onChange={(event) => (only.value = event.currentTarget.checked)} /> Only
          what differs
        </label>
      )}
      <div class="scroll card flush" tabIndex={0} role="region" aria-label="End of line, side by side">
        <table class="compare">
          <Head first="Figure" batches={batches} also={remove} />
          <Rows rows={wanted(factRows(batches, schema))} />
          {parts(batches, schema).map(({ title, rows }) => (
            <Rows key={title} title={title} rows={wanted(rows)} columns={batches.length + 1} />
          ))}
        </table>
      </div>
      {batches.every((batch) => batch.end_of_line === null) && (
        <p class="hint">None of them has reached the end of the line.</p>
      )}
    </section>
  );
}

function Head({ first, batches, also }: { first: string; batches: Batch[]; also?: (batch: Batch) => ComponentChildren }) {
  return (
    <thead>
      <tr>
        <th scope="col">{first}</th>
        {batches.map((batch, index) => (
          <th key={batch.batch_id} scope="col" class="number">
            <a href={link(['batches', batch.batch_id])}>Batch {batch.batch_id}</a>
            {also?.(batch)}
            {batches.length > 1 && <span class="role">{index === 0 ? 'base' : 'difference to base'}</span>}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function Rows({ title, rows, columns }: { title?: string; rows: Row[]; columns?: number }) {
  if (rows.length === 0) return null;
  return (
    <tbody>
      {title && (
        <tr>
          <th scope="rowgroup" colSpan={columns} class="title">
            {title}
          </th>
        </tr>
      )}
      {rows.map((row) => (
        <tr key={row.key} class={row.same ? 'same' : undefined}>
          <th scope="row">{row.label}</th>
          {row.cells.map(({ value, difference }, index) => (
            <td key={index} class="number">
              {value}
              {difference && <span class="difference">{difference}</span>}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

function parameterRows(batches: Batch[], schema: Schema): Row[] {
  const text = (value: string | null) => value;
  const rows = [
    textRow('models', 'Models', batches.map((batch) => batch.models), text),
    textRow('seed', 'Seed', batches.map((batch) => String(batch.seed)), text),
  ];
  for (const group of schema.groups) {
    const all = batches.map((batch) => batch.parameters[group.name]);
    for (const field of group.fields) {
      const values = all.map((one) => (one ? valuesOf(group, one)[field.name] : undefined));
      const texts = values.map((value, index) => (all[index] ? valueText(field, value) : 'not recorded'));
      rows.push({
        key: `${group.name}.${field.name}`,
        label: (
          <>
            <span class="dim">{group.label}: </span>
            {field.label}
          </>
        ),
        cells: texts.map((value, index) => ({ value, difference: difference(values[index], values[0], field.unit) })),
        same: new Set(texts).size === 1,
      });
    }
  }
  return rows.filter((row) => !row.same);
}

function Differences({ batches, schema }: { batches: Batch[]; schema: Schema }) {
  const rows = parameterRows(batches, schema);
  return (
    <section aria-labelledby="differences">
      <h2 id="differences">Different parameters</h2>
      {rows.length === 0 ? (
        <p class="hint">
          {batches.length < 2 ? 'Add another batch to compare.' : 'None: the parameters, seeds and models are the same.'}
        </p>
      ) : (
        <div class="scroll card flush" tabIndex={0} role="region" aria-label="Parameters that differ">
          <table class="compare">
            <Head first="Parameter" batches={batches} />
            <Rows rows={rows} />
          </table>
        </div>
      )}
    </section>
  );
}

// The chart

/** The first machine that was set differently, or else did something different. */
function firstDifferent(batches: Batch[], schema: Schema | null, worked: string[]): string | undefined {
  const differ = (all: unknown[]): boolean => new Set(all.filter(Boolean).map((one) => JSON.stringify(one))).size > 1;
  const set = (process: string): boolean => {
    const group = schema?.groupOf.get(process);
    return group !== undefined && differ(batches.map((batch) => batch.parameters[group.name]));
  };
  const did = (process: string): boolean => differ(batches.map((batch) => batch.machines[process]?.properties));
  return worked.find(set) ?? worked.find(did);
}

const SAMPLES = 100;

/** Whether they have other values of it at any of some steps. */
function differs([first, ...others]: readonly Course[], property: string): boolean {
  if (!first) return false;
  const stride = Math.max(1, Math.floor(first.steps.length / SAMPLES));
  return others.some(({ steps }) => {
    for (let index = 0; index < Math.min(first.steps.length, steps.length); index += stride)
      if (difference(Number(steps[index]?.properties[property]), Number(first.steps[index]?.properties[property]))) return true;
    return difference(Number(steps.at(-1)?.properties[property]), Number(first.steps.at(-1)?.properties[property])) !== '';
  });
}

function Overlay({ batches, schema }: { batches: Batch[]; schema: Schema | null }) {
  const worked = [
    ...new Set(batches.flatMap((batch) => Object.entries(batch.machines).flatMap(([process, one]) => (one.steps > 0 ? [process] : [])))),
  ];
  const asked = place.value.query.get('machine');
  const process = worked.find((one) => one === asked) ?? firstDifferent(batches, schema, worked) ?? worked[0];
  if (process === undefined) return null;
  return (
    <section aria-labelledby="overlay">
      <h2 id="overlay">Step by step</h2>
      <div class="card">
        <Curves key={process} batches={batches} schema={schema} process={process} worked={worked} />
      </div>
    </section>
  );
}

interface CurvesProps {
  batches: Batch[];
  schema: Schema | null;
  process: string;
  worked: string[];
}

function Curves({ batches, schema, process, worked }: CurvesProps) {
  const short = batches.filter((batch) => (batch.machines[process]?.steps ?? 0) <= MOST_STEPS);
  const { value: courses, error } = useLoaded(
    (abort) =>
      Promise.all(
        short.map(async (batch): Promise<Course> => ({
          label: `Batch ${batch.batch_id}`,
          steps: await stepsOf(batch.batch_id, process, abort),
          breaks: null,
        })),
      ),
    `${process} ${short.map((batch) => `${batch.batch_id}:${batch.machines[process]?.steps}`).join(',')}`,
  );
  const models = batches[0]?.models ?? '';
  const outputs = schema?.outputs(process, models);
  const names = courses ? propertiesOf(courses) : [];
  const asked = place.value.query.get('property');
  const first = useMemo(() => {
    const numbers = names.filter((name) => outputs?.get(name)?.kind !== 'boolean');
    const different = numbers.filter((name) => differs(courses ?? [], name));
    const some = different.length > 0 ? different : numbers;
    return telling(some, courses?.[0]?.steps ?? [])[0] ?? some[0] ?? '';
  }, [courses, outputs === undefined]);
  const property = names.find((name) => name === asked) ?? first;
  // An address that names a property the machine has not must not say so for long.
  useEffect(() => {
    if (names.length > 0 && asked && asked !== property) refine({ property: undefined });
  }, [asked, property, names.length]);
  return (
    <>
      <div class="toolbar">
        <label class="pick">
          Machine
          <select value={process} onChange={(event) => refine({ machine: event.currentTarget.value, property: undefined })}>
            {byLine(worked, (one) => one).map(([line, processes]) => (
              <optgroup key={line} label={`${words(line)} line`}>
                {processes.map((one) => (
                  <option key={one} value={one}>
                    {processLabel(schema, one)}
                  </option>
                ))}
              </optgroup>
            ))}
          </select>
        </label>
        {names.length > 0 && (
          <PropertyPicker names={names} outputs={outputs} value={property} choose={(name) => refine({ machine: process, property: name })} />
        )}
      </div>
      <Problem error={error} />
      {short.length < batches.length && <p class="hint">Batches with more than {MOST_STEPS} steps are not drawn.</p>}
      {courses === null ? (
        error ? null : (
          <p class="hint">Loading the steps …</p>
        )
      ) : names.length === 0 ? (
        <p class="hint">The server kept no steps of this machine.</p>
      ) : (
        <CourseChart machine={processLabel(schema, process)} property={property} output={outputs?.get(property)} courses={courses} />
      )}
    </>
  );
}
