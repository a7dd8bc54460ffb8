// The plant: what runs, the lines with their machines, and a drawer for the machine that is looked at.

import './plant.css';

import { useComputed, useSignal, type ReadonlySignal, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

import { Icon } from '../icons';
import { factory, lines, machines, pacing, queue, running, stageOf, stale, type Machine, type Running } from '../live';
import { link, place, refine } from '../router';
import { words } from '../schema';
import { send, type LineName } from '../server';
import { Dialog, Fact, Problem, Progress, State } from '../ui';
import { StartButton } from './batch-list';
import { notice, NoticeBox } from './batch-parts';
import { StartDialog } from './batch-start';
import { conditionOf, MachineDetails } from './machine';
import { alteredOf, editsOf, useMarks } from './marks';
import { INTERVALS, intervalText, PacingState, PauseButton, usePacingChange } from './pacing';
import { Pictogram } from './pictograms';

export function Plant() {
  const { query } = place.value;
  const chosen = query.get('machine');
  useMarks();
  useEffect(() => () => void (notice.value = null), []);
  return (
    <div class="plant-page">
      <Heading />
      <div class="batches-page">
        <NoticeBox />
        {query.has('start') && <StartDialog from={query.get('from')} />}
      </div>
      {factory.value && (
        <>
          <Counters />
          <RunningBatches />
          <Picture />
          <Legend />
        </>
      )}
      {chosen !== null && machines.value.length > 0 && <Drawer process={chosen} />}
    </div>
  );
}

const SAID = 20_000; // then the answer is old

function Heading() {
  const busy = useSignal(false);
  const said = useSignal('');
  const problem = useSignal<unknown>(null);
  useEffect(() => {
    const timer = setTimeout(() => (said.value = ''), SAID);
    return () => clearTimeout(timer);
  }, [said.value]);
  const start = async (): Promise<void> => {
    busy.value = true;
    problem.value = null;
    said.value = '';
    try {
      const answer = await send<{ message: string; warnings: string[] }>('POST', 'factory/start', {});
      said.value = [answer.message, ...answer.warnings].join('. ');
    } catch (error) {
      problem.value = error;
    }
    busy.value = false;
  };
  return (
    <>
      <div class="toolbar">
        <h1>Plant</h1>
        <StartButton />
        <button type="button" disabled={stale.value || busy.value} onClick={() => void start()}>
          <Icon name="play" /> Start with current settings
        </button>
        <span class="said" role="status">
          {said}
        </span>
        {pacing.value && <Pace interval={pacing.value.step_interval_ms} />}
      </div>
      <Problem error={problem.value} />
    </>
  );
}

function Pace({ interval }: { interval: number }) {
  const pace = usePacingChange();
  const choices = INTERVALS.includes(interval) ? INTERVALS : [...INTERVALS, interval].sort((a, b) => a - b);
  return (
    <div class="pace" role="group" aria-label="Pacing">
      <PacingState />
      <PauseButton {...pace} />
      <label>
        Step interval{' '}
        <select
          disabled={stale.value}
          value={String(interval)}
          onChange={(event) => void pace.change({ step_interval_ms: Number(event.currentTarget.value) }, '')}
        >
          {choices.map((one) => (
            <option key={one} value={String(one)}>
              {intervalText(one)}
            </option>
          ))}
        </select>
      </label>
      <Problem error={pace.problem} />
    </div>
  );
}

function Counters() {
  const counters = Object.entries(factory.value?.counters ?? {});
  return (
    <dl class="counters" aria-label="Counters">
      <Fact name="Running">{running.value.length}</Fact>
      <Fact name="Queued">{queue.value.length}</Fact>
      {counters.map(([name, count]) => (
        <Fact key={name} name={words(name)} kind={count > 0 ? name : ''}>
          {count}
        </Fact>
      ))}
    </dl>
  );
}

const MOST_SHOWN = 4;

function RunningBatches() {
  const all = running.value;
  const more = all.length - MOST_SHOWN;
  return (
    <section class="running-batches" aria-labelledby="running-heading">
      <h2 id="running-heading">Running batches</h2>
      {all.length === 0 ? (
        <Nothing />
      ) : (
        <ul>
          {all.slice(0, MOST_SHOWN).map((one) => (
            <RunningBatch key={one.id} batch={one} />
          ))}
        </ul>
      )}
      {more > 0 && (
        <p class="more">
          <a href={link(['batches'])}>and {more} more</a>
        </p>
      )}
    </section>
  );
}

function Nothing() {
  if ((factory.value?.counters.accepted ?? 0) > 0)
    return <p class="nothing">No batch is running. Start one, or choose a machine to see what it did last.</p>;
  return (
    <p class="nothing">
      The plant is empty. Start a batch: it goes through the machines below, and you see here how far it is. Choose a
      machine to see its values and change its parameters.
    </p>
  );
}

function RunningBatch({ batch }: { batch: Running }) {
  return (
    <li style={{ '--lines': String(lines.value.length) }}>
      <a href={link(['batches', batch.id])} title={batch.id}>
        Batch {batch.id}
      </a>
      {lines.value.map((line) => (
        <div key={line}>
          <span>{words(line)}</span>
          <Stage batch={batch} line={line} />
          <Progress value={batch.progress[line] ?? 0} label={`${words(line)} line of batch ${batch.id}`} />
        </div>
      ))}
    </li>
  );
}

function Stage({ batch, line }: { batch: Running; line: LineName }) {
  const stage = stageOf(batch, line);
  const all = machinesOf(line);
  const index = all.findIndex((one) => one.peek().id === stage);
  const machine = all[index]?.value;
  const waits = machine !== undefined && isWaiting(batch, machine, index, all.length);
  const word = stage ? words(stage) : 'not yet';
  return (
    <span class="dim" title={waits ? `waiting for ${word}` : word}>
      {waits && (
        <>
          <Icon name="waiting" /> <span class="unseen">waiting for </span>
        </>
      )}
      {word}
    </span>
  );
}

// ---- The picture ----

const COLUMN = 112; // a machine needs so many pixels in a lane from left to right
const MERGE = 56;

/**
 * The lines that feed the last one stand above each other and run from left to right, the last one behind them where there
 * is room, or else below them (stacked); in a narrow window they run from top to bottom.
 */
function Picture() {
  const element = useRef<HTMLElement>(null);
  const shape = useSignal<'wide' | 'stacked' | 'tall'>('wide');
  const feeding = lines.value.slice(0, -1);
  const last = lines.value.at(-1);
  const count = (line: LineName): number => machinesOf(line).length;
  const before = Math.max(0, ...feeding.map(count));
  const after = last === undefined ? 0 : count(last);
  useEffect(() => {
    if (!element.current) return;
    const resized = new ResizeObserver(([entry]) => {
      const width = entry?.contentRect.width ?? 0;
      if (width >= (before + after) * COLUMN + MERGE) shape.value = 'wide';
      else shape.value = width >= Math.max(before, after) * COLUMN + MERGE ? 'stacked' : 'tall';
    });
    resized.observe(element.current);
    return () => resized.disconnect();
  }, [before, after]);
  return (
    <section
      ref={element}
      class={`plant ${shape.value}${shape.value === 'tall' ? '' : ' across'}`}
      aria-label="Machines"
      style={{
        '--feeding': String(feeding.length),
        '--columns': feeding.length > 0 ? `minmax(0, ${before}fr) ${MERGE}px minmax(0, ${after}fr)` : 'minmax(0, 1fr)',
      }}
    >
      {feeding.length > 0 && (
        <>
          <div class="feeding">
            {feeding.map((line) => (
              <Lane key={line} line={line} />
            ))}
          </div>
          <Merge feeding={feeding} last={last ?? ''} wide={shape.value === 'wide'} />
        </>
      )}
      {last !== undefined && <Lane line={last} />}
    </section>
  );
}

const machinesOf = (line: LineName): Signal<Machine>[] => machines.value.filter((one) => one.peek().line === line);

function Lane({ line }: { line: LineName }) {
  const heading = `lane-${line}`;
  const all = machinesOf(line);
  return (
    <div class="lane">
      <h2 id={heading}>{words(line)} line</h2>
      <ol aria-labelledby={heading}>
        {all.map((machine, index) => (
          <li key={machine.peek().process}>
            <MachineLink machine={machine} index={index} count={all.length} />
          </li>
        ))}
      </ol>
    </div>
  );
}

/** How far the machine is with its batch: lines tell their progress over all of their machines. */
function share(batch: Running | undefined, machine: Machine, index: number, count: number): number {
  if (!batch || batch.stage[machine.line] !== machine.id) return 0;
  return Math.min(1, Math.max(0, (batch.progress[machine.line] ?? 0) * count - index));
}

/** A batch names the machine that it waits for as its stage; it waits only while another one is in there. */
function isWaiting(batch: Running, machine: Machine, index: number, count: number): boolean {
  return (
    machine.batch !== null &&
    machine.batch !== batch.id &&
    batch.stage[machine.line] === machine.id &&
    share(batch, machine, index, count) < 1e-6
  );
}

function useMachine(signal: Signal<Machine>, index: number, count: number): { done: ReadonlySignal<number>; waiting: ReadonlySignal<number> } {
  const done = useComputed(() => {
    const machine = signal.value;
    const batch = running.value.find((one) => one.id === machine.batch);
    return Math.round(share(batch, machine, index, count) * 200) / 200;
  });
  const waiting = useComputed(
    () => running.value.filter((one) => isWaiting(one, signal.value, index, count)).length,
  );
  return { done, waiting };
}

function MachineLink({ machine: signal, index, count }: { machine: Signal<Machine>; index: number; count: number }) {
  const { done, waiting } = useMachine(signal, index, count);
  const machine = signal.value;
  const { kind, icon, word } = conditionOf(machine, pacing.value?.paused ?? false);
  const inside = machine.batch === null ? word : `${word} on batch ${machine.batch}`;
  const queued = waiting.value > 0 ? `${waiting.value} waiting` : '';
  const altered = alteredOf(machine.process).value;
  const unsent = isUnsent(machine.process);
  const also = [altered && 'parameters changed', unsent && 'unsent changes'];
  return (
    <a class={`machine ${kind}`} href={link(['plant'], { machine: machine.process })} aria-haspopup="dialog">
      <span class="unseen">{[words(machine.process), inside, queued, ...also].filter(Boolean).join(', ')}</span>
      <span class="face" aria-hidden="true">
        <span class="tile">
          <Pictogram machine={machine.id} />
          {altered && <Mark kind="altered" />}
          {unsent && <Mark kind="unsent" />}
        </span>
        <span class="name">{words(machine.id)}</span>
        <State kind={kind} icon={icon}>
          {word}
        </State>
        <span class="batch mono" title={machine.batch ?? undefined}>
          {machine.batch}
        </span>
        <span class="done">{machine.batch !== null && <span style={{ width: `${done.value * 100}%` }} />}</span>
        <span class="waiting">
          {queued && (
            <>
              <Icon name="waiting" /> {queued}
            </>
          )}
        </span>
      </span>
    </a>
  );
}

const marks = {
  altered: { icon: 'tuned', text: 'Parameters are not the defaults' },
  unsent: { icon: 'typed', text: 'Unsent changes' },
} as const;

const Mark = ({ kind }: { kind: keyof typeof marks }) => (
  <span class={`sign ${kind}`} title={marks[kind].text}>
    <Icon name={marks[kind].icon} />
  </span>
);

const isUnsent = (process: string): boolean => Object.keys(editsOf(process).value).length > 0;

/** What the marks say, where there are any. */
function Legend() {
  const all = machines.value.map((machine) => machine.peek().process);
  const shown = { altered: all.some((process) => alteredOf(process).value), unsent: all.some(isUnsent) };
  return (
    <p class="hint marks">
      {(['altered', 'unsent'] as const).map(
        (kind) =>
          shown[kind] && (
            <span key={kind}>
              <Mark kind={kind} /> {marks[kind].text}
            </span>
          ),
      )}
    </p>
  );
}

/** Where the lines meet. What is through one of them waits here for the others. */
function Merge({ feeding, last, wide }: { feeding: LineName[]; last: LineName; wide: boolean }) {
  const ended = (stage: string | null | undefined): boolean => stage === 'completed';
  const waiting = running.value.filter(
    (one) => !one.stage[last] && feeding.some((line) => ended(one.stage[line])) && !feeding.every((line) => ended(one.stage[line])),
  ).length;
  const step = 100 / Math.max(1, feeding.length - 1);
  return (
    <div class="merge">
      {wide && (
        <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
          {feeding.map((line, index) => (
            <path
              key={line}
              d={`M0 ${feeding.length === 1 ? 50 : index * step}H40V50H100`}
              fill="none"
              stroke="currentColor"
              stroke-width="3"
              vector-effect="non-scaling-stroke"
              stroke-linejoin="round"
            />
          ))}
        </svg>
      )}
      {waiting > 0 && (
        <span class="waiting" title="Through one line, waiting for the other">
          <Icon name="waiting" /> {waiting} waiting
        </span>
      )}
    </div>
  );
}

// ---- The drawer ----

function Drawer({ process }: { process: string }) {
  const all = machines.value;
  const index = all.findIndex((one) => one.peek().process === process);
  const machine = all[index];
  const close = (): void => refine({ machine: undefined });
  return (
    <Dialog kind="drawer" title={machine ? words(process) : 'No such machine'} onClose={close}>
      {machine ? (
        <>
          <MachineDetails key={process} machine={machine} />
          <nav class="neighbours" aria-label="Other machines">
            <Neighbour machine={all[index - 1]} before />
            <Neighbour machine={all[index + 1]} />
          </nav>
        </>
      ) : (
        <p>This plant has no machine “{process}”.</p>
      )}
    </Dialog>
  );
}

function Neighbour({ machine, before = false }: { machine: Signal<Machine> | undefined; before?: boolean }) {
  if (!machine) return <span />;
  const name = words(machine.peek().process);
  return (
    <button type="button" onClick={() => refine({ machine: machine.peek().process })}>
      {before ? `← ${name}` : `${name} →`}
    </button>
  );
}
