// The product's properties in a machine: the newest values, and those that are ticked as charts.

import { signal, type Signal } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';

import { Chart, MOST_SERIES, type Series } from '../chart';
import type { Output } from '../schema';
import { ENOUGH, sizeOf, telling, valuesAt, withHoles } from '../series';
import { MOST_STEPS, type Step, type Trend } from '../telemetry';
import { displayUnit, format, fromSi } from '../units';
import { Problem } from '../ui';
import { described } from './parts';

type Properties = Step['properties'];

/** By process: what the user wants to see, or null as long as he has not said. */
const chosen = new Map<string, Signal<string[] | null>>();

function choiceOf(process: string): Signal<string[] | null> {
  const known = chosen.get(process) ?? signal<string[] | null>(null);
  chosen.set(process, known);
  return known;
}

interface TrendsProps {
  process: string;
  outputs: Output[];
  values: Properties;
  trend: Trend | null;
  working: boolean;
}

export function Trends({ process, outputs, values, trend, working }: TrendsProps) {
  const choice = choiceOf(process);
  const steps = trend?.steps.value ?? [];
  const first = useFirstChoice(outputs, steps, trend);
  const names = choice.value ?? first;
  const shown = outputs.filter((output) => names.includes(output.name));
  const tick = (name: string, on: boolean): void => {
    choice.value = on ? [...names, name] : names.filter((one) => one !== name);
  };
  return (
    <>
      <section aria-labelledby="trends-heading">
        <h3 id="trends-heading" tabIndex={-1}>Trend</h3>
        <History trend={trend} working={working} />
        {steps.length > 1 && shown.length === 0 && (
          <p class="hint">
            {choice.value === null ? 'None of the values changes.' : 'Nothing is ticked.'} Tick a value below to see its
            trend.
          </p>
        )}
        {steps.length > 1 && <Charts steps={steps} outputs={shown} trend={trend} />}
      </section>
      <section aria-labelledby="values-heading">
        <h3 id="values-heading" tabIndex={-1}>{working ? 'Product now' : 'Product when it left the machine'}</h3>
        <table class="values">
          <thead>
            <tr>
              <th scope="col">Property (tick: trend)</th>
              <th scope="col" class="number">
                Value
              </th>
              <th scope="col">Unit</th>
            </tr>
          </thead>
          <tbody>
            {outputs.map((output) => (
              <Value
                key={output.name}
                output={output}
                value={values[output.name]}
                ticked={names.includes(output.name)}
                tick={(on) => tick(output.name, on)}
              />
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

interface ValueProps {
  output: Output;
  value: number | boolean | undefined;
  ticked: boolean;
  tick: (on: boolean) => void;
}

function Value({ output, value, ticked, tick }: ValueProps) {
  const unit = displayUnit(output.unit, typeof value === 'number' ? value : null);
  return (
    <tr>
      <th scope="row">
        <label>
          <input type="checkbox" checked={ticked} onChange={(event) => tick(event.currentTarget.checked)} />
          {output.label}
        </label>
        <span class="hint">{described(output)}</span>
      </th>
      <td class="number">
        {typeof value === 'number' ? format(fromSi(value, unit)) : value === undefined ? '–' : value ? 'yes' : 'no'}
      </td>
      <td>{typeof value === 'number' ? unit.name : ''}</td>
    </tr>
  );
}

interface HistoryProps {
  trend: Trend | null;
  working: boolean;
  /** Loads them although they are many. */
  onAll?: () => void;
}

/** Why there is no trend, or not all of it. */
export function History({ trend, working, onAll }: HistoryProps) {
  if (!trend) return null;
  const without = trend.without.value;
  if (without === 'kept')
    return (
      <p class="hint">
        The server keeps no past steps.
        {working && ' The trend begins when you opened the machine, and skips steps when the plant is fast.'}
      </p>
    );
  if (without === 'many')
    return (
      <p class="hint">
        More than {MOST_STEPS} steps: past steps are not loaded here. The CSV has all of them.{' '}
        {onAll && (
          <button type="button" onClick={onAll}>
            Load them anyway
          </button>
        )}
      </p>
    );
  if (without) return <Problem error={without} />;
  if (trend.loading.value) return <p class="hint">Loading the steps …</p>;
  if (trend.steps.value.length === 0) return <p class="hint">{working ? 'No step is done yet.' : 'There are no steps.'}</p>;
  if (trend.steps.value.length === 1)
    return <p class="hint">{working ? 'One step is done. The trend begins with the next.' : 'One step makes no trend.'}</p>;
  return null;
}

// ---- What is shown first ----

const FIRST = 3;

/** Of the values that say something, one of each unit. What has been picked stays while the batch is in the machine. */
function useFirstChoice(outputs: Output[], steps: readonly Step[], trend: Trend | null): string[] {
  const picked = useRef<{ trend: Trend | null; names: string[] }>({ trend, names: [] });
  if (picked.current.trend !== trend) picked.current = { trend, names: [] };
  return useMemo(() => {
    const numbers = new Map(outputs.flatMap((one) => (one.kind === 'number' ? [[one.name, one]] : [])));
    const names = [...picked.current.names];
    if (names.length === FIRST) return names;
    const units = new Set(names.map((name) => numbers.get(name)?.unit));
    for (const name of telling([...numbers.keys()], steps)) {
      if (names.length === FIRST) break;
      if (units.has(numbers.get(name)?.unit)) continue;
      units.add(numbers.get(name)?.unit);
      names.push(name);
    }
    if (steps.length >= ENOUGH) picked.current.names = names;
    return names;
  }, [outputs, steps, trend]);
}

// ---- Charts ----

/** Those of one unit and about one size share a chart. */
interface Shared {
  unit: string;
  size: number;
  outputs: Output[];
}

const APART = 30; // so many times as large: in another chart

function Charts({ steps, outputs, trend }: { steps: readonly Step[]; outputs: Output[]; trend: Trend | null }) {
  const names = outputs.map((output) => output.name).join();
  const x = useMemo(() => withHoles(steps, trend?.breaks ?? null), [steps, trend]);
  const shared = useMemo(() => grouped(outputs, steps), [steps, names]);
  return (
    <>
      {shared.map((group) => (
        <SharedChart key={group.outputs[0]?.name} group={group} steps={steps} x={x} />
      ))}
    </>
  );
}

function SharedChart({ group, steps, x }: { group: Shared; steps: readonly Step[]; x: number[] }) {
  const boolean = group.outputs[0]?.kind === 'boolean';
  const unit = displayUnit(group.unit, group.size);
  const names = group.outputs.map((output) => output.name).join();
  const series = useMemo(
    () => group.outputs.map((output): Series => ({ label: output.label, values: valuesAt(output.name, steps, x, unit) })),
    [steps, names, unit.name],
  );
  return (
    <Chart
      title={group.outputs.map((output) => output.label).join(', ')}
      unit={boolean ? '1: yes, 0: no' : unit.name}
      xLabel="Step"
      x={x}
      series={series}
      height={170}
    />
  );
}

function grouped(outputs: Output[], steps: readonly Step[]): Shared[] {
  const found: Shared[] = [];
  for (const output of outputs) {
    const unit = output.kind === 'boolean' ? 'boolean' : output.unit;
    const size = unit === 'boolean' ? 1 : sizeOf(output.name, steps);
    const fits = found.find(
      (one) =>
        one.unit === unit &&
        one.outputs.length < MOST_SERIES &&
        (size === one.size || Math.max(size, one.size) < APART * Math.min(size, one.size)),
    );
    if (fits) fits.outputs.push(output);
    else found.push({ unit, size, outputs: [output] });
  }
  return found;
}
