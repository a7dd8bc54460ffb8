// The dialog that starts a batch: with the machines' present values and what is changed here, or like another batch.

import { signal, useSignal, type Signal } from '@preact/signals';
import { useEffect, useId, useMemo, useRef } from 'preact/hooks';

import { token } from '../access';
import { copy } from '../clipboard';
import { bodyOf, finds, GroupForm, valuesOf, type Edits } from '../form';
import { Icon } from '../icons';
import { machineOf, machines, refresh, stale } from '../live';
import { refine } from '../router';
import { words, type Group, type Limits, type Schema } from '../schema';
import { type Batch, get, getBatch, type MachineStatus, Refusal, send, url, type Values, type Violation } from '../server';
import { Dialog, Problem } from '../ui';
import { byLine, notice, recorded, type Accepted } from './batch-parts';
import { useLoaded, useSchema } from './parts';

/** What is typed is kept until it is sent or discarded, also when the dialog is closed in between. */
interface Draft {
  id: Signal<string>;
  /** null: that of the batch to be duplicated, if there is one. */
  seed: Signal<string | null>;
  edits: Map<string, Signal<Edits>>;
}

const drafts = new Map<string, Draft>();

function draftFor(from: string | null): Draft {
  const key = from ?? '';
  const found = drafts.get(key) ?? { id: signal(''), seed: signal(null), edits: new Map() };
  drafts.set(key, found);
  return found;
}

function editsOf(draft: Draft, group: Group): Signal<Edits> {
  const found = draft.edits.get(group.name) ?? signal<Edits>({});
  draft.edits.set(group.name, found);
  return found;
}

function clear(draft: Draft): void {
  draft.id.value = '';
  draft.seed.value = null;
  for (const edits of draft.edits.values()) edits.value = {};
}

const close = () => refine({ start: undefined, from: undefined });

interface Present {
  source: Batch | null;
  /** By group: as the batch to be duplicated has it, else as the machine is set. */
  values: Map<string, Values>;
}

async function present(known: Schema, from: string | null, abort: AbortSignal): Promise<Present> {
  const source = from === null ? null : await getBatch(from, abort);
  const values = await Promise.all(
    known.groups.map(async (group): Promise<[string, Values]> => {
      const fixed = source?.parameters[group.name];
      const machine = machineOf(group.process)?.peek();
      if (fixed || !machine) return [group.name, fixed ?? {}];
      return [group.name, (await get<MachineStatus>(`machine/${machine.line}/${machine.id}/status`, abort)).machine_parameters];
    }),
  );
  return { source, values: new Map(values) };
}

export function StartDialog({ from }: { from: string | null }) {
  const schema = useSchema();
  // What they are set to is asked of the machines, which a page that has just been loaded does not know at once.
  const ready = machines.value.length > 0;
  return (
    <Dialog title={from === null ? 'Start a batch' : `Duplicate batch ${from}`} onClose={close}>
      {schema && ready ? <Ready schema={schema} from={from} key={from ?? ''} /> : <p class="hint">Loading …</p>}
    </Dialog>
  );
}

function Ready({ schema, from }: { schema: Schema; from: string | null }) {
  const { value, error } = useLoaded((abort) => present(schema, from, abort), from ?? '');
  if (error)
    return error instanceof Refusal && error.status === 404 ? (
      <p>There is no batch {from} to duplicate.</p>
    ) : (
      <Problem error={error} />
    );
  if (!value) return <p class="hint">Loading …</p>;
  return <StartForm schema={schema} present={value} draft={draftFor(from)} />;
}

/** A whole number is sent as one, also out of range; the server is to say what is wrong with it, or with anything else. */
function seedOf(text: string): number | string {
  const number = Number(text);
  return /^[+-]?\d+$/.test(text) && Number.isFinite(number) ? number : text;
}

const seedText = ({ source }: Present, draft: Draft): string => draft.seed.value ?? (source ? String(source.seed) : '');

function seedHint({ source }: Present, seed: string, { atLeast, atMost }: Limits): string {
  const range = atLeast !== undefined && atMost !== undefined ? `, a whole number from ${atLeast} to ${atMost}` : '';
  const hint = `Optional${range}. The same seed and parameters give the same result.`;
  if (!source) return hint;
  return seed === String(source.seed)
    ? `${hint} This is the seed of batch ${source.batch_id}, so that only your changes make a difference.`
    : `${hint} Batch ${source.batch_id} had ${source.seed}; with another seed, chance makes a difference too.`;
}

function request(schema: Schema, present: Present, draft: Draft): Record<string, unknown> {
  const { source } = present;
  const body: Record<string, unknown> = {};
  const id = draft.id.value.trim();
  const seed = seedText(present, draft).trim();
  if (id) body['id'] = id;
  if (seed) body['seed'] = seedOf(seed);
  for (const group of schema.groups) {
    const edits = editsOf(draft, group).value;
    const fixed = recorded(group, source?.parameters[group.name]);
    const all = fixed
      ? group.nested === null
        ? { ...fixed, ...edits }
        : { [group.nested]: { ...(fixed[group.nested] as object), ...edits } }
      : bodyOf(group, edits);
    if (all) body[group.name] = all;
  }
  return body;
}

interface FormProps {
  schema: Schema;
  present: Present;
  draft: Draft;
}

function StartForm({ schema, present, draft }: FormProps) {
  const problems = useSignal<Violation[]>([]);
  const refused = useSignal<unknown>(null);
  const busy = useSignal(false);
  const search = useSignal('');
  const open = useSignal<ReadonlySet<string>>(new Set());
  const form = useRef<HTMLFormElement>(null);
  const { source } = present;

  useEffect(() => {
    // Where this does not bring up a keyboard over half of the screen.
    if (matchMedia('(pointer: fine)').matches) form.current?.querySelector('input')?.focus();
  }, []);
  // Problems of fields are shown by the groups, of which the first takes the focus.
  useEffect(() => {
    const invalid = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
    if (invalid?.closest('.identity')) invalid.focus();
  }, [problems.value]);

  const body = request(schema, present, draft);
  const seed = seedText(present, draft);
  const ofGroup = useMemo(
    () => new Map(schema.groups.map((group) => [group.name, problems.value.filter((one) => one.loc[1] === group.name)])),
    [problems.value, schema],
  );
  const of = (name: string) => problems.value.filter((one) => one.loc[1] === name);
  const others = problems.value.filter(
    (one) => one.loc[1] !== 'id' && one.loc[1] !== 'seed' && !ofGroup.has(String(one.loc[1])),
  );
  const changed = schema.groups.reduce((sum, group) => sum + Object.keys(editsOf(draft, group).value).length, 0);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy.value || stale.value) return;
    busy.value = true;
    try {
      const answer = await send<Accepted>('POST', 'factory/start', body);
      clear(draft);
      notice.value = { kind: 'accepted', answer };
      close();
      refresh().catch(() => undefined);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const found = error.violations;
      const taken: Violation[] =
        error.status === 409 && draft.id.peek() ? [{ loc: ['body', 'id'], msg: error.message, type: 'taken' }] : [];
      refused.value = found.length + taken.length > 0 ? null : error;
      const groups = new Set(found.map((one) => String(one.loc[1])));
      open.value = new Set([...open.peek(), ...groups]);
      if (groups.size > 0) search.value = '';
      problems.value = [...found, ...taken];
    } finally {
      busy.value = false;
    }
  };

  return (
    <form class="start" ref={form} noValidate onSubmit={(event) => void submit(event)}>
      <p class="hint">
        {source
          ? `The new batch gets all recorded parameters of batch ${source.batch_id}, with your changes.`
          : 'Change what this batch should have of its own. All other machines use their settings at the time the batch reaches them.'}
      </p>
      <Problem error={refused.value} />
      {(others.length > 0 || problems.value.length > 0) && (
        <div class="problem" role="alert">
          {others.map((one, index) => (
            <p key={index}>
              <Icon name="failed" /> {one.loc.slice(1).join('.')}: {one.msg}
            </p>
          ))}
          <p>
            The batch was not accepted.{' '}
            {problems.value.length === 1 ? 'One value needs correcting.' : `${problems.value.length} values need correcting.`}
          </p>
        </div>
      )}
      <div class="identity">
        <TextField
          label="Id"
          value={draft.id.value}
          change={(text) => (draft.id.value = text)}
          problems={of('id')}
          hint="Optional: letters, digits and . _ - are allowed. Left empty, the batch gets the next number."
        />
        <TextField
          label="Seed"
          value={seed}
          change={(text) => (draft.seed.value = text)}
          problems={of('seed')}
          numeric
          hint={seedHint(present, seed, schema.seed)}
          button={
            source &&
            (seed === String(source.seed)
              ? { text: 'Use a new seed', click: () => (draft.seed.value = '') }
              : { text: 'Use the same seed', click: () => (draft.seed.value = null) })
          }
        />
      </div>
      <div class="toolbar">
        <h3>Parameters</h3>
        <label class="find">
          <span class="unseen">Find a parameter</span>
          <Icon name="search" />
          <input
            type="search"
            placeholder="Find a parameter"
            value={search.value}
            onInput={(event) => (search.value = event.currentTarget.value)}
          />
        </label>
        {changed > 0 && (
          <>
            <span class="count">{changed} changed</span>
            <button type="button" onClick={() => clear(draft)}>
              Discard changes
            </button>
          </>
        )}
      </div>
      {byLine(schema.groups, (group) => group.process).map(([line, groups]) => {
        const shown = groups.filter((group) => group.fields.some((field) => finds(search.value, group, field)));
        if (shown.length === 0) return null;
        return (
          <section key={line} class="line" aria-label={`${words(line)} line`}>
            <h4>{words(line)} line</h4>
            {shown.map((group) => (
              <GroupSection
                key={group.name}
                group={group}
                current={present.values.get(group.name) ?? {}}
                whose={source?.parameters[group.name] ? `Batch ${source.batch_id} had` : undefined}
                edits={editsOf(draft, group)}
                problems={ofGroup.get(group.name) ?? []}
                search={search.value.trim()}
                open={open}
              />
            ))}
          </section>
        );
      })}
      {search.value && !schema.groups.some((group) => group.fields.some((field) => finds(search.value, group, field))) && (
        <p class="hint">No parameter has such a name.</p>
      )}
      <Preview body={body} />
      <div class="toolbar send">
        <button type="submit" class="primary" disabled={stale.value || busy.value}>
          <Icon name="play" /> {busy.value ? 'Sending …' : 'Start the batch'}
        </button>
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </form>
  );
}

interface SectionProps {
  group: Group;
  current: Values;
  whose: string | undefined;
  edits: Signal<Edits>;
  problems: Violation[];
  search: string;
  open: Signal<ReadonlySet<string>>;
}

function GroupSection({ group, current, whose, edits, problems, search, open }: SectionProps) {
  const count = Object.keys(edits.value).length;
  const isOpen = search !== '' || open.value.has(group.name);
  const toggled = (now: boolean) => {
    if (search !== '' || now === open.peek().has(group.name)) return;
    const names = new Set(open.peek());
    if (now) names.add(group.name);
    else names.delete(group.name);
    open.value = names;
  };
  return (
    <details class="section" open={isOpen} onToggle={(event) => toggled(event.currentTarget.open)}>
      <summary>
        <span>{group.label}</span>
        <span class="hint">{Object.keys(valuesOf(group, current)).length || group.fields.length} parameters</span>
        {count > 0 && <span class="count">{count} changed</span>}
        {problems.length > 0 && (
          <span class="wrong">
            <Icon name="failed" /> {problems.length === 1 ? '1 problem' : `${problems.length} problems`}
          </span>
        )}
      </summary>
      {isOpen && <GroupForm group={group} current={current} {...(whose ? { whose } : {})} edits={edits} problems={problems} search={search} />}
    </details>
  );
}

interface TextFieldProps {
  label: string;
  value: string;
  change: (text: string) => void;
  hint: string;
  problems: Violation[];
  numeric?: boolean;
  button?: { text: string; click: () => void } | null;
}

function TextField({ label, value, change, hint, problems, numeric, button }: TextFieldProps) {
  const id = useId();
  // Gone as soon as something else is typed.
  const judged = useRef({ problems, text: value });
  if (problems.length > 0 && judged.current.problems[0] !== problems[0]) judged.current = { problems, text: value };
  const wrong = judged.current.text === value ? problems : [];
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="entry">
        <input
          id={id}
          type="text"
          inputMode={numeric ? 'numeric' : 'text'}
          autocomplete="off"
          spellcheck={false}
          value={value}
          aria-invalid={wrong.length > 0 ? 'true' : undefined}
          aria-describedby={wrong.length > 0 ? `${id}problem ${id}hint` : `${id}hint`}
          onInput={(event) => change(event.currentTarget.value)}
        />
        {button && (
          <button type="button" onClick={button.click}>
            {button.text}
          </button>
        )}
      </div>
      {wrong.length > 0 && (
        <p class="wrong" id={`${id}problem`}>
          <Icon name="failed" /> {wrong.map((one) => one.msg).join('. ')}
        </p>
      )}
      <p class="hint" id={`${id}hint`}>
        {hint}
      </p>
    </div>
  );
}

/** For those who write scripts. */
function Preview({ body }: { body: Record<string, unknown> }) {
  const json = JSON.stringify(body, null, 2);
  const quoted = JSON.stringify(body).replaceAll("'", "'\\''");
  // Without the token itself: the line may be shown to others.
  const shown = token.value ? ' -H "Authorization: Bearer $TOKEN"' : '';
  const curl = `curl -X POST '${url('factory/start').href}'${shown} -H 'Content-Type: application/json' -d '${quoted}'`;
  return (
    <details class="section preview">
      <summary>
        <span>Request</span>
        <span class="hint">as JSON and for curl, in SI</span>
      </summary>
      <Copyable label="JSON" text={json} />
      <Copyable label="curl" text={curl} />
    </details>
  );
}

function Copyable({ label, text }: { label: string; text: string }) {
  const told = useSignal('');
  const block = useRef<HTMLPreElement>(null);
  const take = async () => {
    if (await copy(text)) told.value = 'Copied';
    else if (block.current) {
      // It is selected at least.
      getSelection()?.selectAllChildren(block.current);
      told.value = 'Selected: copy it with the keyboard';
    }
    setTimeout(() => (told.value = ''), 3_000);
  };
  return (
    <div class="copyable">
      <p>
        <b>{label}</b>
        <button type="button" class="small" aria-label={`Copy ${label}`} onClick={() => void take()}>
          <Icon name="copy" /> Copy
        </button>
        <span class="hint" role="status">
          {told}
        </span>
      </p>
      <pre ref={block} class="scroll" tabIndex={0} role="region" aria-label={`Request as ${label}`}>
        {text}
      </pre>
    </div>
  );
}
