// What the views of batches have in common: names, figures, and what can be done with a batch.

import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

import { Icon } from '../icons';
import { factory, machineOf, refresh, stale } from '../live';
import { link, place } from '../router';
import { causeWords, schema, words, type Field, type Group, type Output, type Schema } from '../schema';
import { Refusal, send, type Batch, type Values } from '../server';
import { Dialog } from '../ui';
import { format, shown } from '../units';
import { valuesOf } from '../form';
import { batchPath, cancelling, isOver } from './batch-store';

// Names and figures

export const processLabel = (known: Schema | null, process: string): string =>
  known?.groupOf.get(process)?.label ?? words(process);

const lineOf = (process: string): string => machineOf(process)?.peek().line ?? process.slice(process.lastIndexOf('_') + 1);

/** By line, in the order of the flow. */
export function byLine<T>(all: readonly T[], process: (one: T) => string): [string, T[]][] {
  const found = new Map<string, T[]>();
  for (const one of all) {
    const line = lineOf(process(one));
    const ofLine = found.get(line);
    if (ofLine) ofLine.push(one);
    else found.set(line, [one]);
  }
  return [...found];
}

/** A figure of the end of the line as it is read: a yield in percent, the others in their units. */
export function figure(output: Output | undefined, value: unknown): string {
  if (typeof value !== 'number' && typeof value !== 'boolean') return '–';
  if (output?.name === 'yield' && typeof value === 'number') return `${format(value * 100, 4)} %`;
  return shown(value, output?.unit);
}

/** The unit of a table of figures, at the end of its name ("machine_energy_kWh"): the schema gives none. */
export const tableUnit = (name: string): string => /_(k?Wh|J|kg|g|s)$/.exec(name)?.[1] ?? '';

export function tableTitle(name: string): string {
  const unit = tableUnit(name);
  return words(unit ? name.slice(0, -unit.length - 1) : name);
}

/** "inspection_anode Pass_surface": a machine and what it says. */
export function causeLabel(schema: Schema | null, key: string): string {
  const [process = '', ...rest] = key.split(' ');
  const label = processLabel(schema, process);
  return rest.length > 0 ? `${label}: ${causeWords(rest.join(' ')).toLowerCase()}` : label;
}

export function numberOf(batch: Batch, name: string): number | null {
  const value = batch.end_of_line?.[name];
  return typeof value === 'number' ? value : null;
}

/** In seconds; of a batch that runs, until now. */
export function lasted(batch: Batch): number | null {
  if (batch.started_at === null) return null;
  const end = batch.finished_at ?? (batch.status === 'running' ? Date.now() : null);
  return end === null ? null : Math.max(0, (new Date(end).getTime() - new Date(batch.started_at).getTime()) / 1000);
}

/** The worst that a machine found. */
export function outcomeOf(batch: Batch): 'pass' | 'rework' | 'scrap' | null {
  const all = Object.values(batch.machines).map((machine) => machine.outcome);
  if (numberOf(batch, 'cells_good') === 0 || all.includes('scrap')) return 'scrap';
  if (all.includes('rework')) return 'rework';
  return all.includes('pass') ? 'pass' : null;
}

// What a batch was made with, as a request

function acceptable(field: Field, value: number | null | undefined): value is number | null {
  return value !== undefined && (value !== null || field.nullable);
}

/** A recorded group as the server takes it again. */
export function recorded(group: Group, values: Values | undefined): Record<string, unknown> | null {
  if (!values) return null;
  const all = valuesOf(group, values);
  const kept = Object.fromEntries(
    group.fields.flatMap((field): [string, number | null][] => {
      const value = all[field.name];
      return acceptable(field, value) ? [[field.name, value]] : [];
    }),
  );
  return group.nested === null ? kept : { [group.nested]: kept };
}

// What happened to what the user asked for

export interface Accepted {
  message: string;
  batch_id: string;
  queue_position: number;
  seed: number;
  warnings: string[];
}

export type Notice =
  | { kind: 'accepted'; answer: Accepted; remark?: string }
  | { kind: 'told'; text: string }
  | { kind: 'refused'; text: string };

export const notice = signal<Notice | null>(null);

const asText = (error: unknown): string => (error instanceof Refusal ? error.message : String(error));

export function NoticeBox() {
  const element = useRef<HTMLDivElement>(null);
  const now = notice.value;
  useEffect(() => {
    if (now) element.current?.focus();
  }, [now]);
  if (!now) return null;
  return (
    <div ref={element} class={`notice ${now.kind}`} role={now.kind === 'refused' ? 'alert' : 'status'} tabIndex={-1}>
      <Icon name={now.kind === 'refused' ? 'failed' : 'done'} />
      <div>{now.kind === 'accepted' ? <AcceptedText {...now} /> : <p>{now.text}</p>}</div>
      <button type="button" class="quiet" aria-label="Dismiss this message" onClick={() => (notice.value = null)}>
        <Icon name="close" />
      </button>
    </div>
  );
}

function AcceptedText({ answer, remark }: { answer: Accepted; remark?: string }) {
  return (
    <>
      <p>
        <a href={link(['batches', answer.batch_id])}>Batch {answer.batch_id}</a> accepted
        {answer.queue_position === 0 ? ', started at once' : `, number ${answer.queue_position} in the queue`}. Seed{' '}
        <code>{answer.seed}</code>.
      </p>
      {remark && <p>{remark}</p>}
      {answer.warnings.length > 0 && (
        <>
          <p class="note">
            <Icon name="warning" /> Accepted with {answer.warnings.length === 1 ? 'a warning' : `${answer.warnings.length} warnings`}:
          </p>
          <ul>
            {answer.warnings.map((warning, index) => (
              <li key={index}>{warning}</li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

async function runAgain(batch: Batch): Promise<void> {
  try {
    const { groups } = await schema();
    const body: Record<string, unknown> = { seed: batch.seed };
    for (const group of groups) {
      const values = recorded(group, batch.parameters[group.name]);
      if (values) body[group.name] = values;
    }
    const answer = await send<Accepted>('POST', 'factory/start', body);
    const models = factory.peek()?.models;
    notice.value = {
      kind: 'accepted',
      answer,
      remark:
        models && models !== batch.models
          ? `Batch ${batch.batch_id} was made with the models "${batch.models}", this one will be with "${models}".`
          : `It has the parameters and the seed of batch ${batch.batch_id}.`,
    };
  } catch (error) {
    notice.value = { kind: 'refused', text: `Batch ${batch.batch_id} was not started again: ${asText(error)}` };
  }
}

/** Of which batch the user is asked whether to cancel it. */
export const asked = signal<string | null>(null);

async function cancel(id: string): Promise<void> {
  asked.value = null;
  try {
    const answer = await send<{ message: string; status: string }>('DELETE', batchPath(id));
    if (answer.status === 'cancelling') cancelling.value = new Set([...cancelling.peek(), id]);
    notice.value = { kind: 'told', text: answer.message };
  } catch (error) {
    notice.value = { kind: 'refused', text: `Batch ${id} was not cancelled: ${asText(error)}` };
  }
  refresh().catch(() => undefined);
}

export function CancelDialog() {
  const id = asked.value;
  if (id === null) return null;
  const close = () => (asked.value = null);
  return (
    <Dialog title={`Cancel batch ${id}?`} onClose={close}>
      <p>It is running. Its machines stop at their next step and are then free for the next batch. A cancelled batch cannot be resumed.</p>
      <div class="toolbar">
        <button type="button" class="danger" disabled={stale.value} onClick={() => void cancel(id)}>
          Cancel the batch
        </button>
        <button type="button" onClick={close}>
          Keep it running
        </button>
      </div>
    </Dialog>
  );
}

/** Buttons for what can be done with a batch in its state. */
export function Actions({ batch }: { batch: Batch }) {
  const id = batch.batch_id;
  const being = cancelling.value.has(id);
  return (
    <div class="actions">
      {!isOver(batch) && (
        <button
          type="button"
          class="danger"
          aria-label={`Cancel batch ${id}`}
          disabled={stale.value || being}
          onClick={() => (batch.status === 'running' ? (asked.value = id) : void cancel(id))}
        >
          Cancel
        </button>
      )}
      <a class="button" aria-label={`Duplicate batch ${id}`} href={startLink({ from: id })}>
        Duplicate
      </a>
      {isOver(batch) && (
        <button
          type="button"
          aria-label={`Run again: batch ${id} with the same seed`}
          title="The same parameters and the same seed"
          disabled={stale.value}
          onClick={() => void runAgain(batch)}
        >
          Run again
        </button>
      )}
    </div>
  );
}

/** The start dialog over the present view. */
export function startLink(query: { from?: string } = {}): string {
  return link(place.value.path, { ...Object.fromEntries(place.value.query), start: '1', from: query.from });
}
