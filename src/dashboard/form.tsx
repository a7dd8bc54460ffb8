// A machine's parameters as a form, made from the served schema.

import './form.css';

import type { Signal } from '@preact/signals';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { clean, siOf, textOf } from './decimal';
import { Icon } from './icons';
import type { Field, Group, Limits } from './schema';
import type { Values, Violation } from './server';
import { displayUnit, isSi, type Unit } from './units';

/**
 * What the user has typed, in SI, by field. null: from upstream. A text: what cannot be read as a number, sent as it is
 * so that the server says what is wrong with it.
 */
export type Edits = Record<string, number | string | null>;

export interface GroupFormProps {
  group: Group;
  /** What the fields have when nothing is typed: as the machine is set, or as another batch had it. */
  current: Values;
  /** Whose values these are, e.g. "Batch base had"; of the machine where it is left out. */
  whose?: string;
  edits: Signal<Edits>;
  /** The server's, whose loc ends with the field's name (or with the nested member's for their sum). */
  problems: Violation[];
  disabled?: boolean;
  /** Only fields whose names or labels hold this are shown. */
  search?: string;
}

/** The fields' values of a group, out of the nested member where there is one. */
export function valuesOf(group: Group, values: Values): Record<string, number | null> {
  const inner = group.nested === null ? values : values[group.nested];
  return typeof inner === 'object' && inner !== null ? (inner as Record<string, number | null>) : {};
}

/** What has to be sent for these edits; null when there are none. */
export function bodyOf(group: Group, edits: Edits): Record<string, unknown> | null {
  if (Object.keys(edits).length === 0) return null;
  return group.nested === null ? { ...edits } : { [group.nested]: { ...edits } };
}

/** Those of the problems that are the field's. */
function problemsOf(field: Field, problems: Violation[]): Violation[] {
  return problems.filter((problem) => problem.loc.at(-1) === field.name);
}

/** The unit a field is shown and typed in. It does not change with the value. */
function unitOf(field: Field): Unit {
  const { standard, usual, hard } = field;
  // A field without a default of its own is measured by its limits: a thickness of at most 10 mm is one of micrometres.
  return displayUnit(field.unit, standard ?? usual?.atMost ?? (hard.atMost === undefined ? undefined : hard.atMost / 100));
}

/** A value of that field with its unit, all its digits: "250 µm". */
export function valueText(field: Field, value: number | null | undefined): string {
  if (value === null) return field.nullable ? 'from upstream' : 'none';
  if (value === undefined) return 'not known';
  const unit = unitOf(field);
  return withUnit(textOf(value, unit), unit);
}

const withUnit = (text: string, unit: Unit): string => (unit.name ? `${text} ${unit.name}` : text);

/** Whether a search finds the field. */
export function finds(search: string, group: Group, field: Field): boolean {
  const text = `${group.label} ${group.name} ${field.label} ${field.name}`.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

const sentence = (text: string): string => (text && !text.endsWith('.') ? `${text}.` : text);


function helpOf(field: Field, unit: Unit): string {
  return [field.description, isSi(unit) ? field.hint : ''].filter(Boolean).map((text) => sentence(capital(text))).join(' ');
}

function range({ above, atLeast, below, atMost }: Limits, unit: Unit): string {
  const at = (value: number) => textOf(value, unit);
  if (atLeast !== undefined && atMost !== undefined) return withUnit(`${at(atLeast)} to ${at(atMost)}`, unit);
  const parts: string[] = [];
  if (above !== undefined) parts.push(`more than ${at(above)}`);
  if (atLeast !== undefined) parts.push(`at least ${at(atLeast)}`);
  if (below !== undefined) parts.push(`less than ${at(below)}`);
  if (atMost !== undefined) parts.push(`at most ${at(atMost)}`);
  return parts.length > 0 ? withUnit(parts.join(', '), unit) : '';
}

function within(value: number, { above, atLeast, below, atMost }: Limits): boolean {
  return (
    value > (above ?? -Infinity) && value >= (atLeast ?? -Infinity) && value < (below ?? Infinity) && value <= (atMost ?? Infinity)
  );
}

const comparisons: [string, string][] = [
  ['gt', 'greater than'],
  ['ge', 'greater than or equal to'],
  ['lt', 'less than'],
  ['le', 'less than or equal to'],
];

/** The server's words; a limit in them is in SI and is said in the unit that is shown. */
function problemText(problem: Violation, field?: Field): string {
  const unit = field ? unitOf(field) : undefined;
  const said = capital(problem.msg.replace(/^Value error, /, ''));
  if (!unit || isSi(unit)) return said;
  for (const [name, words] of comparisons) {
    const limit = problem.ctx?.[name];
    if (typeof limit === 'number') return `Input should be ${words} ${withUnit(textOf(limit, unit), unit)}`;
  }
  return said;
}

function without(edits: Edits, name: string): Edits {
  const { [name]: _, ...rest } = edits;
  return rest;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export function GroupForm({ group, current, whose = 'Now', edits, problems, disabled = false, search = '' }: GroupFormProps) {
  const id = useId();
  const element = useRef<HTMLFieldSetElement>(null);
  const now = valuesOf(group, current);

  // What has been typed since the server's answer is not what it complained of.
  const judged = useRef<{ problems: Violation[]; edits: Edits }>({ problems, edits: edits.peek() });
  if (judged.current.problems !== problems) judged.current = { problems, edits: edits.peek() };
  const before = judged.current.edits;
  const typed = edits.value;
  const same = (name: string) => before[name] === typed[name];

  const shown = group.fields.filter((field) => finds(search, group, field));
  const known = new Set(group.fields.map((field) => field.name));
  const ofSum = problems.filter((problem) => group.nested !== null && problem.loc.at(-1) === group.nested);
  const sumProblems = group.fields.every((field) => same(field.name)) ? ofSum : [];
  const others = problems.filter((problem) => !ofSum.includes(problem) && !known.has(String(problem.loc.at(-1))));

  // Several groups may stand in one form: the one that has the first invalid field takes the focus.
  useEffect(() => {
    if (problems.length === 0 || !element.current) return;
    const whole = element.current.closest('form, dialog') ?? element.current;
    const first = whole.querySelector<HTMLElement>('[aria-invalid="true"]');
    if (first && element.current.contains(first)) first.focus();
  }, [problems]);

  return (
    <fieldset class="group" ref={element} disabled={disabled}>
      <legend>{group.label}</legend>
      {group.description && <p class="hint">{group.description}</p>}
      {others.map((problem, index) => (
        <p key={index} class="problem" role="alert">
          <Icon name="failed" /> {problem.loc.slice(2).join('.')} {problem.msg}
        </p>
      ))}
      <div class="fields">
        {shown.map((field) => (
          <FieldInput
            key={field.name}
            field={field}
            now={now[field.name]}
            whose={whose}
            edit={typed[field.name]}
            change={(value) =>
              (edits.value = value === undefined ? without(edits.peek(), field.name) : { ...edits.peek(), [field.name]: value })
            }
            problems={same(field.name) ? problemsOf(field, problems) : []}
            sum={sumProblems.length > 0 ? `${id}sum` : undefined}
          />
        ))}
      </div>
      {group.nested !== null && <Sum id={`${id}sum`} group={group} now={now} edits={edits} problems={sumProblems} />}
    </fieldset>
  );
}

interface FieldProps {
  field: Field;
  now: number | null | undefined;
  whose: string;
  edit: number | string | null | undefined;
  /** undefined: as it was. */
  change: (value: number | string | null | undefined) => void;
  problems: Violation[];
  /** The element that says what is wrong with the sum the field is part of. */
  sum: string | undefined;
}

function FieldInput({ field, now, whose, edit, change, problems, sum }: FieldProps) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const unit = unitOf(field);
  // The text as typed, as long as it stands for what is kept: "1e-4" must not become "0.0001" under the hands.
  const [typed, setTyped] = useState({ text: '', unit: '' });
  const own = edit !== undefined && edit !== null && typed.unit === unit.name && (siOf(typed.text, unit) ?? typed.text) === edit;
  const text = own ? typed.text : typeof edit === 'number' ? textOf(edit, unit) : (edit ?? '');

  const take = (next: string) => {
    setTyped({ text: next, unit: unit.name });
    change(next.trim() === '' ? undefined : (siOf(next, unit) ?? next));
  };
  const back = (value: null | undefined) => {
    change(value);
    input.current?.focus();
  };

  const edited = edit !== undefined;
  const invalid = problems.length > 0 || sum !== undefined;
  const value = edit === undefined ? now : edit;
  const help = helpOf(field, unit);
  // The server's word is enough once it is there.
  const notes = edited && problems.length === 0 ? remarks(field, edit, unit) : [];
  const described = [help && `${id}help`, `${id}hint`, notes.length > 0 && `${id}note`, problems.length > 0 && `${id}problem`, sum];
  return (
    <div class={`field${edited ? ' edited' : ''}`}>
      <div class="name">
        <label for={id}>
          {field.label}
          {unit.name && <span class="dim"> ({unit.name})</span>}
        </label>
        {edited && <span class="mark">edited</span>}
      </div>
      <div class="entry">
        <input
          ref={input}
          id={id}
          name={field.name}
          type="text"
          inputMode="decimal"
          autocomplete="off"
          spellcheck={false}
          value={text}
          placeholder={edit === null || now === null ? 'from upstream' : now === undefined ? '' : textOf(now, unit)}
          aria-invalid={invalid ? 'true' : undefined}
          aria-describedby={described.filter(Boolean).join(' ')}
          onInput={(event) => take(event.currentTarget.value)}
        />
        {field.nullable && value !== null && (
          <button type="button" aria-label={`${field.label}: from upstream`} onClick={() => back(now === null ? undefined : null)}>
            From upstream
          </button>
        )}
        {edited && (
          <button type="button" aria-label={`${field.label}: put back`} onClick={() => back(undefined)}>
            Put back
          </button>
        )}
      </div>
      {problems.length > 0 && (
        <p class="wrong" id={`${id}problem`}>
          <Icon name="failed" /> {problems.map((problem) => problemText(problem, field)).join('. ')}
        </p>
      )}
      {notes.length > 0 && (
        <p class="note" id={`${id}note`}>
          <Icon name="warning" /> {notes.join(' ')}
        </p>
      )}
      <p class="hint" id={`${id}hint`}>
        {hints(field, now, whose, unit)}
      </p>
      {help && (
        <p class="hint" id={`${id}help`}>
          {help}
        </p>
      )}
    </div>
  );
}

// A gentle word before it is sent. The server decides.
function remarks(field: Field, edit: number | string | null, unit: Unit): string[] {
  if (typeof edit === 'string') return ['This is not read as a number; write 0.25 or 2.5e-1.'];
  if (edit === null) return [];
  if (!within(edit, field.hard)) return [`Out of range: ${range(field.hard, unit)}.`];
  if (field.usual && !within(edit, field.usual))
    return [`Unusual: as a rule ${range(field.usual, unit)}. It is accepted with a warning.`];
  return [];
}

function hints(field: Field, now: number | null | undefined, whose: string, unit: Unit): string {
  const parts: string[] = [];
  const standard = field.standard === null && !field.nullable ? undefined : field.standard;
  if (now !== undefined && now === standard) parts.push(`${whose} ${valueText(field, now)}, the default`);
  else {
    if (now !== undefined) parts.push(`${whose} ${valueText(field, now)}`);
    if (standard !== undefined) parts.push(`Default ${valueText(field, standard)}`);
  }
  const hard = range(field.hard, unit);
  if (hard) parts.push(capital(hard));
  const usual = field.usual ? range(field.usual, unit) : '';
  if (usual) parts.push(`Usual ${usual}`);
  return `${parts.join('. ')}.`;
}

interface SumProps {
  id: string;
  group: Group;
  now: Record<string, number | null>;
  edits: Signal<Edits>;
  problems: Violation[];
}

/** The ratios' sum as it would be. Nothing is rescaled unasked. */
function Sum({ id, group, now, edits, problems }: SumProps) {
  const typed = edits.value;
  const value = (field: Field) => typed[field.name] ?? now[field.name];
  const sumOf = (fields: Field[]) =>
    clean(fields.reduce((sum, field) => sum + (typeof value(field) === 'number' ? Number(value(field)) : NaN), 0));
  const sum = sumOf(group.fields);
  const missing = clean(1 - sum);
  const right = Math.abs(missing) <= 1e-6;
  const last = group.fields.at(-1);
  const rest = Number((1 - sumOf(group.fields.slice(0, -1))).toFixed(12));
  return (
    <div class="sum">
      <p role="status" id={id} class={problems.length > 0 ? 'wrong' : right ? 'right' : 'note'}>
        <Icon name={problems.length > 0 ? 'failed' : right ? 'done' : 'warning'} />{' '}
        {Number.isNaN(sum)
          ? 'Sum not known: not all are numbers'
          : `Sum ${short(sum)}${right ? '' : missing > 0 ? `, ${short(missing)} missing` : `, ${short(-missing)} too much`}`}
        {problems.length > 0 && `. ${problems.map((problem) => problemText(problem)).join('. ')}`}
      </p>
      {last && !right && rest > 0 && (
        <button type="button" onClick={() => (edits.value = { ...edits.peek(), [last.name]: rest })}>
          Put the rest into {last.label}
        </button>
      )}
    </div>
  );
}

const short = (value: number): string => String(Number(value.toFixed(7)));
