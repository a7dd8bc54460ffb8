// What happened in the plant, event by event, as it happens.

import './logs.css';

import { useSignal } from '@preact/signals';
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { copy } from '../clipboard';
import { Icon } from '../icons';
import { connection, lines, machines, stale } from '../live';
import { jsonLinesOf, KEPT, Log, textOf, type Filter, type Row } from '../log';
import { link, place, refine } from '../router';
import { save } from '../save';
import { words } from '../schema';
import { clock } from '../time';
import { Problem, WordState } from '../ui';

const DRAWN = 500; // rows, and so many more each time that older ones are wanted
const TYPING = 300; // milliseconds without a key before what is typed counts
const NEAR = 40; // pixels from the end that count as being there

/** Why the list stands still; null: it follows what comes. */
type Hold = { rows: Row[]; arrived: number; why: 'scrolled' | 'paused' } | null;

export function Logs() {
  const { query } = place.value;
  const filter: Filter = {
    level: query.get('level') ?? '',
    machine: query.get('machine') ?? '',
    batch: query.get('batch') ?? '',
  };
  return (
    <div class="logs">
      <h1>Logs</h1>
      <Filters filter={filter} />
      <Events key={JSON.stringify(filter)} filter={filter} search={query.get('search') ?? ''} />
    </div>
  );
}

function Filters({ filter }: { filter: Filter }) {
  const id = useId();
  return (
    <form class="filters" role="search" aria-label="Events" onSubmit={(event) => event.preventDefault()}>
      <div>
        <label for={`${id}level`}>Level</label>
        <select
          id={`${id}level`}
          value={filter.level || 'debug'}
          onChange={(event) => refine({ level: without(event.currentTarget.value, 'debug') })}
        >
          <option value="debug">all</option>
          <option value="info">info and above</option>
          <option value="warning">warning and error</option>
          <option value="error">error</option>
        </select>
      </div>
      <div>
        <label for={`${id}machine`}>Machine</label>
        <select
          id={`${id}machine`}
          onChange={(event) => refine({ machine: event.currentTarget.value })}
        >
          <Machines chosen={filter.machine} />
        </select>
      </div>
      <Typed label="Batch" value={filter.batch} onChange={(batch) => refine({ batch })} />
      <Typed
        label="Search in what is loaded"
        value={place.value.query.get('search') ?? ''}
        onChange={(search) => refine({ search })}
      />
    </form>
  );
}

const without = (value: string, standard: string): string => (value === standard ? '' : value);

function Machines({ chosen }: { chosen: string }) {
  const known = machines.value.map((machine) => machine.peek());
  // Said by each option, as they come later than the choice does.
  return (
    <>
      <option value="" selected={chosen === ''}>
        all
      </option>
      {chosen && !known.some((machine) => machine.process === chosen) && (
        <option value={chosen} selected>
          {words(chosen)}
        </option>
      )}
      {lines.value.map((line) => (
        <optgroup key={line} label={words(line)}>
          {known
            .filter((machine) => machine.line === line)
            .map(({ process }) => (
              <option key={process} value={process} selected={chosen === process}>
                {words(process)}
              </option>
            ))}
        </optgroup>
      ))}
    </>
  );
}

/** A text that counts once nothing more is typed. */
function Typed(props: { label: string; value: string; onChange: (value: string) => void }) {
  const id = useId();
  const [text, setText] = useState(props.value);
  const timer = useRef(0);
  // Not while it is what has been typed, but for the spaces around it.
  useEffect(() => setText((typed) => (typed.trim() === props.value ? typed : props.value)), [props.value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <div>
      <label for={id}>{props.label}</label>
      <input
        id={id}
        type="search"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          const typed = event.currentTarget.value;
          setText(typed);
          clearTimeout(timer.current);
          timer.current = window.setTimeout(() => props.onChange(typed.trim()), TYPING);
        }}
      />
    </div>
  );
}

function Events({ filter, search }: { filter: Filter; search: string }) {
  const log = useMemo(() => new Log(filter), []);
  const hold = useSignal<Hold>(null);
  const drawn = useSignal(DRAWN);
  useEffect(() => {
    log.open();
    return () => log.close();
  }, [log]);
  // Each time that the connection stands: what came in between comes as well, but it may be the first time.
  const away = stale.value;
  useEffect(() => {
    if (!away) void log.load();
  }, [log, away]);

  void log.version.value;
  const began = performance.now();
  const all = hold.value?.rows ?? log.rows();
  const found = search ? all.filter((row) => row.kind !== 'event' || contains(row, search)) : all;
  const rows = found.slice(-drawn.value);
  const count = found.reduce((sum, row) => sum + Number(row.kind === 'event'), 0);

  // After the list has been laid out.
  useLayoutEffect(() => log.took(performance.now() - began));

  function keep(why: 'scrolled' | 'paused'): void {
    hold.value = { rows: hold.value?.rows ?? log.rows(), arrived: hold.value?.arrived ?? log.arrived, why };
  }
  function follow(): void {
    hold.value = null;
    drawn.value = DRAWN;
  }
  return (
    <>
      <div class="toolbar">
        {hold.value ? (
          <button type="button" onClick={follow}>
            <Icon name="play" />
            Follow
          </button>
        ) : (
          <button type="button" onClick={() => keep('paused')}>
            <Icon name="pause" />
            Pause
          </button>
        )}
        <Copy rows={rows} />
        <button type="button" onClick={() => save('battery-twin-events.txt', textOf(found), 'text/plain')} disabled={found.length === 0}>
          <Icon name="down" />
          Download .txt
        </button>
        <button
          type="button"
          onClick={() => save('battery-twin-events.jsonl', jsonLinesOf(found), 'application/jsonl')}
          disabled={found.length === 0}
        >
          <Icon name="down" />
          Download .jsonl
        </button>
        {filter.batch && <a href={link(['batches', filter.batch])}>Batch {filter.batch}</a>}
        <p class="summary">
          <Summary log={log} count={count} hold={hold.value} />
        </p>
      </div>
      <Problem error={log.problem.value} />
      <List
        rows={rows}
        older={found.length - rows.length}
        full={log.full}
        following={hold.value === null}
        empty={emptyText(log, filter, search)}
        onOlder={() => {
          if (!hold.value) keep('scrolled');
          drawn.value += DRAWN;
        }}
        onScrolledUp={() => {
          if (!hold.value) keep('scrolled');
        }}
        onEnd={() => {
          if (hold.value?.why === 'scrolled') follow();
        }}
      />
    </>
  );
}

function contains(row: Row, search: string): boolean {
  return textOf([row]).toLowerCase().includes(search.toLowerCase());
}

function Summary({ log, count, hold }: { log: Log; count: number; hold: Hold }) {
  if (!hold) return <>{`${count} ${count === 1 ? 'event' : 'events'}`}</>;
  const fresh = log.arrived - hold.arrived;
  return (
    <>
      {hold.why === 'paused' ? 'Paused' : 'Not following'}, <strong>{fresh} new</strong>
    </>
  );
}

function emptyText(log: Log, filter: Filter, search: string): string {
  if (log.state.value === 'loading')
    return connection.value.state === 'lost' ? 'The events cannot be loaded while not connected.' : 'Loading …';
  if (log.problem.value) return 'The events could not be loaded.';
  if (search || Object.values(filter).some(Boolean)) return 'No event passes these filters.';
  return 'Nothing has happened yet. Start a batch, and its events appear here.';
}

interface ListProps {
  rows: Row[];
  older: number;
  full: boolean;
  following: boolean;
  empty: string;
  onOlder: () => void;
  onScrolledUp: () => void;
  onEnd: () => void;
}

function List({ rows, older, full, following, empty, onOlder, onScrolledUp, onEnd }: ListProps) {
  const element = useRef<HTMLDivElement>(null);
  const top = useRef(0);
  // What stands in the window stays there when older rows come above it.
  const height = useRef(0);
  const first = useRef('');
  useLayoutEffect(() => {
    const list = element.current;
    if (!list) return;
    if (following) list.scrollTop = list.scrollHeight;
    else if (first.current !== (rows[0]?.key ?? '')) list.scrollTop += list.scrollHeight - height.current;
    top.current = list.scrollTop;
    height.current = list.scrollHeight;
    first.current = rows[0]?.key ?? '';
  });
  useEffect(() => {
    const list = element.current;
    if (!list || !following) return;
    const observer = new ResizeObserver(() => (list.scrollTop = list.scrollHeight));
    observer.observe(list);
    return () => observer.disconnect();
  }, [following]);

  function scrolled(list: HTMLElement): void {
    const left = list.scrollHeight - list.clientHeight - list.scrollTop;
    const up = list.scrollTop < top.current - 1;
    top.current = list.scrollTop;
    if (up && left > NEAR) onScrolledUp();
    else if (!up && left <= 1) onEnd();
  }
  return (
    <div
      class="events scroll"
      ref={element}
      role="region"
      aria-label="Events"
      tabIndex={0}
      onScroll={(event) => scrolled(event.currentTarget)}
    >
      {older > 0 ? (
        <button type="button" class="older" onClick={onOlder}>
          Show {Math.min(DRAWN, older)} of {older} older events
        </button>
      ) : (
        full && <p class="hint">Older events are not loaded. The newest {KEPT} that come are kept here.</p>
      )}
      {rows.length === 0 ? (
        <p class="empty">{empty}</p>
      ) : (
        <ol>
          {rows.map((row) => (
            <Line key={row.key} row={row} />
          ))}
        </ol>
      )}
    </div>
  );
}

function Line({ row }: { row: Row }) {
  return useMemo(() => {
    if (row.kind !== 'event')
      return (
        <li class={row.kind}>
          <Icon name="warning" /> {row.text}
        </li>
      );
    const { seq, timestamp, level, message, batch_id } = row.entry;
    return (
      <li class={level} data-seq={seq}>
        <span class="seq">{seq}</span>
        <time dateTime={timestamp} title={timestamp}>
          {clock(timestamp)}
          {timestamp.slice(19, 23)}
        </time>
        <WordState word={level} />
        <span class="batch">{batch_id}</span>
        <span class="message">{message}</span>
      </li>
    );
  }, [row.key]);
}

function Copy({ rows }: { rows: Row[] }) {
  const done = useSignal('');
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  async function take(): Promise<void> {
    done.value = (await copy(textOf(rows))) ? `${rows.length} lines copied` : 'The browser does not let us copy';
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => (done.value = ''), 4_000);
  }
  return (
    <>
      <button type="button" onClick={() => void take()} disabled={rows.length === 0}>
        <Icon name="copy" />
        Copy
      </button>
      <span role="status" class="hint">
        {done}
      </span>
    </>
  );
}
