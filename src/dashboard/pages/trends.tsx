// The product's properties in a machine: the newest values, and those that are ticked as charts.

import { signal, type Signal } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';

import { Chart, MOST_SERIES, type Series } from '../chart';
import type { Output } from '../schema';
import { MOST_STEPS, type Step, type Trend } from '../telemetry';
import { displayUnit, format, fromSi, type Unit } from '../units';
import { Problem } from '../ui';
import { described } from './machine';

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

function History({ trend, working }: { trend: Trend | null; working: boolean }) {
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
        More than {MOST_STEPS} steps: past steps are not loaded here. The CSV has all of them.
      </p>
    );
  if (without) return <Problem error={without} />;
  if (trend.loading.value) return <p class="hint">Loading the steps …</p>;
  if (trend.steps.value.length === 0) return <p class="hint">{working ? 'No step is done yet.' : 'There are no steps.'}</p>;
  return null;
}

// ---- What is shown first ----

const FIRST = 3;
const SAMPLES = 40;

/** Of the values that change, one of each unit. What has been picked stays while the batch is in the machine. */
function useFirstChoice(outputs: Output[], steps: readonly Step[], trend: Trend | null): string[] {
  const picked = useRef<{ trend: Trend | null; outputs: Output[] }>({ trend, outputs: [] });
  if (picked.current.trend !== trend) picked.current = { trend, outputs: [] };
  const all = picked.current.outputs;
  for (const output of outputs) {
    if (all.length >= FIRST) break;
    if (output.kind === 'number' && !all.some((one) => one.unit === output.unit) && changes(output.name, steps)) all.push(output);
  }
  return all.map((output) => output.name);
}

function changes(name: string, steps: readonly Step[]): boolean {
  const first = steps[0]?.properties[name];
  const stride = Math.max(1, Math.floor(steps.length / SAMPLES));
  for (let index = stride; index < steps.length; index += stride) if (steps[index]?.properties[name] !== first) return true;
  return steps.at(-1)?.properties[name] !== first;
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
  const x = useMemo(() => withHoles(steps, trend?.breaks), [steps, trend]);
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

/**
 * The steps' numbers, and one between two of them where some are missing because the connection was broken. Those that
 * the live feed leaves out when the plant is fast are no holes.
 */
function withHoles(steps: readonly Step[], breaks: ReadonlySet<number> | undefined): number[] {
  const x: number[] = [];
  let next = steps[0]?.step ?? 0;
  for (const { step } of steps) {
    if (step > next && breaks?.has(step)) x.push(next);
    x.push(step);
    next = step + 1;
  }
  return x;
}

function valuesAt(name: string, steps: readonly Step[], x: number[], unit: Unit): (number | null)[] {
  let index = 0;
  return x.map((at) => {
    if (steps[index]?.step !== at) return null;
    const value = steps[index++]?.properties[name];
    if (value === undefined) return null;
    return typeof value === 'boolean' ? Number(value) : fromSi(value, unit);
  });
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

function sizeOf(name: string, steps: readonly Step[]): number {
  let size = 0;
  for (const { properties } of steps) size = Math.max(size, Math.abs(Number(properties[name] ?? 0)));
  return size;
}
