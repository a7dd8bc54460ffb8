// Several batches side by side. Which are chosen, and what of them is drawn, is in the address.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

import { valuesOf, valueText } from '../form';
import { Icon } from '../icons';
import { stale } from '../live';
import { link, place, refine } from '../router';
import { words, type Schema } from '../schema';
import { get, Refusal, type Batch } from '../server';
import { stepsOf } from '../telemetry';
import { Problem, WordState } from '../ui';
import { CourseChart, MANY_STEPS, propertiesOf, PropertyPicker, type Course } from './batch-charts';
import { MOST_COMPARED } from './batch-list';
import { byLine, figure, processLabel, useLoaded, useSchema } from './batch-parts';
import { batchPath, stateOf } from './batch-store';

interface Found {
  batches: Batch[];
  missing: string[];
}

async function load(ids: string[], abort: AbortSignal): Promise<Found> {
  const answers = await Promise.all(
    ids.map(async (id): Promise<Batch | string> => {
      try {
        return await get<Batch>(batchPath(id), abort);
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
  const batches = value?.batches.filter((batch) => ids.includes(batch.batch_id)) ?? [];
  return (
    <>
      <p>
        <a href="#/batches">All batches</a>
      </p>
      <h1 ref={heading} tabIndex={-1}>
        Compare batches
      </h1>
      <Add ids={ids} />
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
    <form class="toolbar" onSubmit={add}>
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

interface FiguresProps {
  batches: Batch[];
  schema: Schema | null;
  ids: string[];
}

function Figures({ batches, schema, ids }: FiguresProps) {
  const names = [
    ...new Set(
      batches.flatMap((batch) =>
        Object.entries(batch.end_of_line ?? {}).flatMap(([name, value]) => (typeof value === 'number' ? [name] : [])),
      ),
    ),
  ];
  return (
    <section aria-labelledby="figures">
      <h2 id="figures">End of line</h2>
      <div class="scroll card flush" tabIndex={0} role="region" aria-label="End of line, side by side">
        <table class="compare">
          <thead>
            <tr>
              <th scope="col">Figure</th>
              {batches.map((batch) => (
                <th key={batch.batch_id} scope="col" class="number">
                  <a href={link(['batches', batch.batch_id])}>Batch {batch.batch_id}</a>
                  <button
                    type="button"
                    class="quiet"
                    aria-label={`Remove batch ${batch.batch_id} from the comparison`}
                    onClick={() => choose(ids.filter((id) => id !== batch.batch_id))}
                  >
                    <Icon name="close" />
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">State</th>
              {batches.map((batch) => (
                <td key={batch.batch_id} class="number">
                  <WordState word={stateOf(batch)} />
                </td>
              ))}
            </tr>
            {names.map((name) => {
              const output = schema?.endOfLine.get(name);
              const values = batches.map((batch) => batch.end_of_line?.[name]);
              const numbers = values.filter((value): value is number => typeof value === 'number');
              const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
              return (
                <tr key={name} class={least === most ? 'same' : undefined}>
                  <th scope="row">{output?.label ?? words(name)}</th>
                  {values.map((value, index) => (
                    <td key={batches[index]?.batch_id} class="number">
                      {least !== most && value === most && <Extreme text="highest" sign="▲" />}
                      {least !== most && value === least && <Extreme text="lowest" sign="▼" />}
                      {figure(output, value)}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {names.length === 0 ? (
        <p class="hint">None of them has reached the end of the line.</p>
      ) : (
        <p class="hint">▲ highest, ▼ lowest of those compared. Rows without a sign are the same.</p>
      )}
    </section>
  );
}

function Extreme({ text, sign }: { text: string; sign: string }) {
  return (
    <span class={`extreme ${text}`}>
      <span aria-hidden="true">{sign}</span>
      <span class="unseen">{text} </span>
    </span>
  );
}

interface Difference {
  key: string;
  machine: string;
  label: string;
  values: string[];
}

function differences(batches: Batch[], schema: Schema): Difference[] {
  const found: Difference[] = [];
  const add = (key: string, machine: string, label: string, values: string[]) => {
    if (new Set(values).size > 1) found.push({ key, machine, label, values });
  };
  add('models', '', 'Models', batches.map((batch) => batch.models));
  add('seed', '', 'Seed', batches.map((batch) => String(batch.seed)));
  for (const group of schema.groups) {
    const all = batches.map((batch) => {
      const values = batch.parameters[group.name];
      return values ? valuesOf(group, values) : null;
    });
    for (const field of group.fields)
      add(
        `${group.name}.${field.name}`,
        group.label,
        field.label,
        all.map((values) => (values ? valueText(field, values[field.name]) : 'not recorded')),
      );
  }
  return found;
}

function Differences({ batches, schema }: { batches: Batch[]; schema: Schema }) {
  const rows = differences(batches, schema);
  return (
    <section aria-labelledby="differences">
      <h2 id="differences">What they were made with differently</h2>
      {rows.length === 0 ? (
        <p class="hint">{batches.length < 2 ? 'There is only one.' : 'Nothing: parameters, seeds and models are the same.'}</p>
      ) : (
        <div class="scroll card flush" tabIndex={0} role="region" aria-label="Parameters that differ">
          <table class="compare">
            <thead>
              <tr>
                <th scope="col">Parameter</th>
                {batches.map((batch) => (
                  <th key={batch.batch_id} scope="col" class="number">
                    Batch {batch.batch_id}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.key}>
                  <th scope="row">
                    {row.machine && <span class="dim">{row.machine}: </span>}
                    {row.label}
                  </th>
                  {row.values.map((value, index) => (
                    <td key={batches[index]?.batch_id} class="number">
                      {value}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Overlay({ batches, schema }: { batches: Batch[]; schema: Schema | null }) {
  const worked = [
    ...new Set(batches.flatMap((batch) => Object.entries(batch.machines).flatMap(([process, one]) => (one.steps > 0 ? [process] : [])))),
  ];
  const asked = place.value.query.get('machine');
  const process = worked.find((one) => one === asked) ?? worked[0];
  if (process === undefined) return null;
  return (
    <section aria-labelledby="overlay">
      <h2 id="overlay">Step by step</h2>
      <div class="card">
        <Curves batches={batches} schema={schema} process={process} worked={worked} />
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
  const short = batches.filter((batch) => (batch.machines[process]?.steps ?? 0) <= MANY_STEPS);
  const { value, error } = useLoaded(
    async (abort) => ({
      process,
      courses: await Promise.all(
        short.map(async (batch): Promise<Course> => ({
          label: `Batch ${batch.batch_id}`,
          steps: await stepsOf(batch.batch_id, process, abort),
        })),
      ),
    }),
    `${process} ${short.map((batch) => `${batch.batch_id}:${batch.machines[process]?.steps}`).join(',')}`,
  );
  const courses = value?.process === process ? value.courses : null;
  const models = batches[0]?.models ?? '';
  const outputs = schema?.outputs(process, models);
  const names = courses ? propertiesOf(courses) : [];
  const asked = place.value.query.get('property');
  const property = names.find((name) => name === asked) ?? names.find((name) => outputs?.get(name)?.kind !== 'boolean') ?? '';
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
      {short.length < batches.length && <p class="hint">Batches with more than {MANY_STEPS} steps are left out.</p>}
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
