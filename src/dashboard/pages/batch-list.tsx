// What is in the plant now, and the table of batches.

import { signal, useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { Icon } from '../icons';
import { connection, factory, queue, running, stageOf, stale, type Running } from '../live';
import { link, place, refine } from '../router';
import { save } from '../save';
import { words, type Schema } from '../schema';
import { type Batch, getBatch } from '../server';
import { duration, moment } from '../time';
import { Problem, Progress, WordState } from '../ui';
import { csvOf } from './batch-csv';
import { Actions, asked, figure, lasted, numberOf, outcomeOf, startLink } from './batch-parts';
import { cancelling, failure, isOver, keep, known, loading, loadMore, next, stateOf } from './batch-store';
import { useSchema } from './parts';

const statuses = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;

export const MOST_COMPARED = 8;
/** To be compared. */
const chosen = signal<ReadonlySet<string>>(new Set());

function select(id: string, on: boolean): void {
  const ids = new Set(chosen.peek());
  if (on) ids.add(id);
  else ids.delete(id);
  chosen.value = ids;
}

interface Column {
  name: string;
  label: string;
  number?: boolean;
  value: (batch: Batch) => number | null;
}

const byName = new Intl.Collator(undefined, { numeric: true });

const columns: Column[] = [
  { name: 'created', label: 'Created', value: (batch) => new Date(batch.created_at).getTime() },
  { name: 'duration', label: 'Duration', number: true, value: lasted },
  { name: 'capacity', label: 'Capacity', number: true, value: (batch) => numberOf(batch, 'capacity_Ah') },
  { name: 'yield', label: 'Yield', number: true, value: (batch) => numberOf(batch, 'yield') },
];

interface Sorting {
  by: string;
  down: boolean;
}

function sorting(): Sorting {
  const text = place.value.query.get('sort') ?? '-created';
  return { by: text.replace(/^-/, ''), down: text.startsWith('-') };
}

/** What has no value stands last, in either direction. */
function sorted(batches: Batch[], { by, down }: Sorting): Batch[] {
  const sign = down ? -1 : 1;
  if (by === 'id') return batches.sort((a, b) => sign * byName.compare(a.batch_id, b.batch_id));
  const column = columns.find((one) => one.name === by) ?? columns[0];
  if (!column) return batches;
  const values = new Map(batches.map((batch) => [batch, column.value(batch)]));
  return batches.sort((a, b) => {
    const [first, second] = [values.get(a) ?? null, values.get(b) ?? null];
    if (first === null || second === null) return first === second ? 0 : first === null ? 1 : -1;
    return sign * (first - second) || sign * byName.compare(a.batch_id, b.batch_id);
  });
}

export function BatchList() {
  const schema = useSchema();
  const status = statuses.find((one) => one === place.value.query.get('status')) ?? '';
  const search = place.value.query.get('search') ?? '';
  const order = sorting();
  useEffect(() => keep(status), [status]);

  const wanted = search.trim().toLowerCase();
  const found = [...known.value.values()].filter(
    (batch) => (!status || batch.status === status) && batch.batch_id.toLowerCase().includes(wanted),
  );
  const exact = useExact(search.trim());
  if (exact && !found.some((batch) => batch.batch_id === exact.batch_id)) found.push(exact);
  const rows = sorted(found, order);

  const full = chosen.value.size >= MOST_COMPARED;
  return (
    <>
      <div class="toolbar heading">
        <h1>Batches</h1>
        <StartButton />
      </div>
      <Now />
      <div class="toolbar">
        <StatusFilter status={status} />
        <label class="find">
          <span class="unseen">Search by id</span>
          <Icon name="search" />
          <input
            type="search"
            placeholder="Search by id"
            value={search}
            onInput={(event) => refine({ search: event.currentTarget.value || undefined })}
          />
        </label>
        <Chosen />
      </div>
      <Problem error={failure.value} />
      {rows.length === 0 ? (
        <Nothing status={status} search={search} />
      ) : (
        <>
          <div class="scroll card flush" tabIndex={0} role="region" aria-label="Batches">
            <table class="batches">
              <thead>
                <tr>
                  <th scope="col">
                    <span class="unseen">Compare</span>
                  </th>
                  <SortHead name="id" label="Id" order={order} />
                  <th scope="col">State</th>
                  {columns.map((column) => (
                    <SortHead key={column.name} {...column} order={order} />
                  ))}
                  <th scope="col">Outcome</th>
                  <th scope="col">Actions</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((batch) => (
                  <Row
                    key={batch.batch_id}
                    batch={batch}
                    schema={schema}
                    selected={chosen.value.has(batch.batch_id)}
                    full={full}
                  />
                ))}
              </tbody>
            </table>
          </div>
          <More count={rows.length} order={order} rows={rows} schema={schema} />
        </>
      )}
    </>
  );
}

export function StartButton() {
  const open = !stale.value && (factory.value?.accepting ?? true);
  const go = (event: Event) => {
    if (!open) event.preventDefault();
  };
  return (
    <a class="button primary" href={startLink()} aria-disabled={open ? undefined : 'true'} onClick={go}>
      <Icon name="plus" /> Start a batch
    </a>
  );
}

function StatusFilter({ status }: { status: string }) {
  const counts: Record<string, number> = { queued: queue.value.length, running: running.value.length };
  return (
    <div class="segments" role="group" aria-label="Show batches by state">
      {['', ...statuses].map((one) => (
        <button type="button" key={one} aria-pressed={one === status} onClick={() => refine({ status: one || undefined })}>
          {one ? words(one) : 'All'}
          {counts[one] ? <b>{counts[one]}</b> : null}
        </button>
      ))}
    </div>
  );
}

function Chosen() {
  const ids = [...chosen.value];
  if (ids.length === 0) return null;
  return (
    <div class="picked">
      {ids.length > 1 ? (
        <a class="button" href={link(['batches'], { compare: ids.join(',') })}>
          Compare {ids.length} batches
        </a>
      ) : (
        <span class="hint">Select another to compare them</span>
      )}
      <button type="button" class="quiet" onClick={() => (chosen.value = new Set())}>
        Clear the selection
      </button>
    </div>
  );
}

interface SortHeadProps {
  name: string;
  label: string;
  number?: boolean;
  order: Sorting;
}

function SortHead({ name, label, number, order }: SortHeadProps) {
  const now = order.by === name;
  // Numbers are first wanted from the top, names from A.
  const down = now ? !order.down : name !== 'id';
  const text = `${down ? '-' : ''}${name}`;
  return (
    <th scope="col" class={number ? 'number' : undefined} aria-sort={now ? (order.down ? 'descending' : 'ascending') : undefined}>
      <button type="button" class="quiet" onClick={() => refine({ sort: text === '-created' ? undefined : text })}>
        {label}
        <span aria-hidden="true">{now ? (order.down ? '▼' : '▲') : ''}</span>
      </button>
    </th>
  );
}

interface RowProps {
  batch: Batch;
  schema: Schema | null;
  selected: boolean;
  full: boolean;
}

// Reads a signal whatever its state is (stateOf), and therefore is drawn again only when that or what it is given changes.
function Row({ batch, schema, selected, full }: RowProps) {
  const id = batch.batch_id;
  const state = stateOf(batch);
  const outcome = outcomeOf(batch);
  const capacity = schema?.endOfLine.get('capacity_Ah');
  return (
    <tr>
      <td>
        <label class="tick">
          <input
            type="checkbox"
            aria-label={`Select batch ${id} for comparing`}
            checked={selected}
            disabled={full && !selected}
            onChange={(event) => select(id, event.currentTarget.checked)}
          />
        </label>
      </td>
      <th scope="row">
        <a href={link(['batches', id])}>{id}</a>
      </th>
      <td>
        <div class="doing">
          <WordState word={state} />
          {batch.status === 'running' && <LineProgress id={id} brief />}
          {batch.attempt > 1 && <span class="hint"> attempt {batch.attempt}</span>}
        </div>
        {batch.error && <span class="hint clip">{batch.error}</span>}
      </td>
      <td>
        <time dateTime={batch.created_at}>{moment(batch.created_at)}</time>
      </td>
      <td class="number">
        <Elapsed batch={batch} />
      </td>
      <td class="number">{figure(capacity, batch.end_of_line?.['capacity_Ah'])}</td>
      <td class="number">{figure({ ...unnamed, name: 'yield' }, batch.end_of_line?.['yield'])}</td>
      <td>{isOver(batch) && outcome ? <WordState word={outcome} /> : <span class="dim">–</span>}</td>
      <td>
        <Actions batch={batch} />
      </td>
    </tr>
  );
}

const unnamed = { label: '', unit: '1', description: '', kind: 'number' } as const;

/** How long it took; of one that runs, second by second. */
export function Elapsed({ batch }: { batch: Batch }) {
  const runs = batch.status === 'running';
  const ticks = useSignal(0);
  useEffect(() => {
    if (!runs) return;
    const timer = setInterval(() => ticks.value++, 1_000);
    return () => clearInterval(timer);
  }, [runs]);
  const seconds = ticks.value >= 0 ? lasted(batch) : null;
  return <>{seconds === null ? '–' : duration(runs ? Math.floor(seconds) : seconds)}</>;
}

/** A bar for each line, with what it does. */
export function LineProgress({ id, brief = false }: { id: string; brief?: boolean }) {
  const now = useComputed(() => running.value.find((one) => one.id === id));
  return now.value ? <Lines now={now.value} brief={brief} /> : null;
}

/** What stands still is left out where others move. */
function moving({ stage, progress }: Running): [string, number][] {
  const all = Object.entries(progress);
  const found = all.filter(([line]) => stage[line] && stage[line] !== 'pending' && stage[line] !== 'completed');
  return found.length > 0 ? found : all;
}

function Lines({ now, brief = false, few = false }: { now: Running; brief?: boolean; few?: boolean }) {
  return (
    <ul class={brief ? 'lines brief' : 'lines'}>
      {(few ? moving(now) : Object.entries(now.progress)).map(([line, value]) => (
        <li key={line} title={brief ? `${words(line)}: ${stageText(stageOf(now, line), value)}` : undefined}>
          <span>{words(line)}</span>
          <Progress value={value} label={`Batch ${now.id}, ${line} line`} />
          {!brief && <span class="dim">{stageText(stageOf(now, line), value)}</span>}
        </li>
      ))}
    </ul>
  );
}

function stageText(stage: string | null | undefined, value: number): string {
  const percent = `${Math.floor(value * 100)}\u00a0%`;
  if (stage === null || stage === undefined || stage === 'pending') return 'waiting';
  return stage === 'completed' ? 'done' : `${words(stage)}, ${percent}`;
}

const MOST_NOW = 4;

function Now() {
  const ids = running.value;
  const waits = queue.value.length;
  if (ids.length === 0 && waits === 0) return null;
  return (
    <section class="card" aria-labelledby="now">
      <h2 id="now">In the plant now</h2>
      {factory.value?.pacing.paused && (
        <p class="note">
          <Icon name="pause" /> The plant is paused. Its steps wait; cancelling works.
        </p>
      )}
      <ul class="in-plant">
        {ids.slice(0, MOST_NOW).map((one) => (
          <li key={one.id}>
            <p>
              <a href={link(['batches', one.id])}>Batch {one.id}</a>
              <button
                type="button"
                class="danger small"
                aria-label={`Cancel batch ${one.id}, in the plant now`}
                disabled={stale.value || cancelling.value.has(one.id)}
                onClick={() => (asked.value = one.id)}
              >
                {cancelling.value.has(one.id) ? 'Cancelling' : 'Cancel'}
              </button>
            </p>
            <Lines now={one} few />
          </li>
        ))}
      </ul>
      <p class="hint">
        {ids.length > MOST_NOW && (
          <>
            <a href={link(['batches'], { status: 'running' })}>{ids.length - MOST_NOW} more running</a>.{' '}
          </>
        )}
        {waits > 0 ? (
          <>
            <a href={link(['batches'], { status: 'queued' })}>{waits} queued</a>, batch {queue.value[0]} is next.
          </>
        ) : (
          'The queue is empty.'
        )}
      </p>
    </section>
  );
}

/** The batch of exactly this id where the table has not come to it yet. */
function useExact(id: string): Batch | null {
  const found = useSignal<Batch | null>(null);
  const loaded = known.value.has(id);
  useEffect(() => {
    found.value = null;
    if (loaded || !/^[A-Za-z0-9._-]{1,64}$/.test(id)) return;
    const control = new AbortController();
    const timer = setTimeout(() => {
      getBatch(id, control.signal).then(
        (batch) => (found.value = batch),
        () => undefined, // there is none
      );
    }, 300);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [id, loaded]);
  return loaded ? null : found.value;
}

function Nothing({ status, search }: { status: string; search: string }) {
  if (stale.value)
    return (
      <p class="card nothing">
        {connection.value.state === 'connecting' ? 'Connecting …' : 'The list of batches cannot be loaded while not connected.'}
      </p>
    );
  if (loading.value || failure.value) return <p class="hint">{loading.value ? 'Loading …' : ''}</p>;
  if (search)
    return (
      <div class="card nothing">
        <p>No batch with "{search}" in its id{next.value === null ? '' : ' among those loaded'}.</p>
        <button type="button" onClick={() => refine({ search: undefined })}>
          Show all
        </button>
        {next.value !== null && <More count={known.value.size} order={sorting()} />}
      </div>
    );
  if (status)
    return (
      <div class="card nothing">
        <p>No batch is {status}.</p>
        <button type="button" onClick={() => refine({ status: undefined })}>
          Show all
        </button>
      </div>
    );
  return (
    <div class="card nothing">
      <p>No batch has been made yet. A batch goes through all machines of the plant, from the slurry to the aged cell.</p>
      <StartButton />
    </div>
  );
}

interface MoreProps {
  count: number;
  order: Sorting;
  /** To download. */
  rows?: Batch[];
  schema?: Schema | null;
}

function More({ count, order, rows = [], schema = null }: MoreProps) {
  const plain = order.by === 'created' && order.down;
  return (
    <div class="toolbar older">
      <p class="hint" role="status">
        {count} shown{next.value === null ? '' : plain ? ', there are older ones' : ', sorted among those that are loaded'}.
      </p>
      {schema && rows.length > 0 && (
        <button type="button" onClick={() => save('battery-twin-batches.csv', csvOf(rows, schema), 'text/csv')}>
          <Icon name="down" /> Download CSV
        </button>
      )}
      {next.value !== null && (
        <button type="button" disabled={loading.value} onClick={() => void loadMore()}>
          {loading.value ? 'Loading …' : 'Load more'}
        </button>
      )}
    </div>
  );
}
