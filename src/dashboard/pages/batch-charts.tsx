// A property of a machine over its steps: of one batch, or of several on top of each other.

import { useId, useMemo } from 'preact/hooks';

import { Chart } from '../chart';
import { words, type Output } from '../schema';
import type { Step } from '../telemetry';
import { displayUnit, fromSi } from '../units';

/** Steps that are not loaded unasked. */
export const MANY_STEPS = 20_000;

export interface Course {
  label: string;
  steps: readonly Step[];
}

/** The properties that the steps have, in the machine's order. */
export function propertiesOf(courses: readonly Course[]): string[] {
  const found = new Set<string>();
  for (const { steps } of courses) for (const name of Object.keys(steps.at(-1)?.properties ?? {})) found.add(name);
  return [...found];
}

interface PickerProps {
  names: readonly string[];
  outputs: Map<string, Output> | undefined;
  value: string;
  choose: (name: string) => void;
}

export function PropertyPicker({ names, outputs, value, choose }: PickerProps) {
  const id = useId();
  return (
    <span class="pick">
      <label for={id}>Property</label>
      <select id={id} value={value} onChange={(event) => choose(event.currentTarget.value)}>
        {names.map((name) => (
          <option key={name} value={name}>
            {outputs?.get(name)?.label ?? words(name)}
          </option>
        ))}
      </select>
    </span>
  );
}

interface CourseProps {
  /** The machine, as people call it. */
  machine: string;
  property: string;
  output: Output | undefined;
  courses: readonly Course[];
}

export function CourseChart({ machine, property, output, courses }: CourseProps) {
  const typical = useMemo(() => greatest(courses, property), [courses, property]);
  const unit = displayUnit(output?.unit ?? '1', typical);
  const { x, series } = useMemo(() => aligned(courses, property, (value) => fromSi(value, unit)), [courses, property, unit.name]);
  const name = output?.label ?? words(property);
  return (
    <>
      <Chart title={`${machine}: ${name}`} unit={unit.name} xLabel="Step" x={x} series={series} height={240} />
      {output?.description && <p class="hint">{output.description.replace(/ \[[^\]]*\]/, '')}.</p>}
      {output?.kind === 'boolean' && <p class="hint">1 is yes, 0 is no.</p>}
    </>
  );
}

function greatest(courses: readonly Course[], property: string): number {
  let found = 0;
  for (const { steps } of courses) for (const { properties } of steps) found = Math.max(found, Math.abs(Number(properties[property] ?? 0)));
  return found;
}

function aligned(courses: readonly Course[], property: string, convert: (value: number) => number) {
  const x = [...new Set(courses.flatMap(({ steps }) => steps.map((one) => one.step)))].sort((a, b) => a - b);
  const series = courses.map(({ label, steps }) => {
    const values = new Map(steps.map((one) => [one.step, one.properties[property]]));
    return {
      label,
      values: x.map((step) => {
        const value = values.get(step);
        return value === undefined ? null : convert(Number(value));
      }),
    };
  });
  return { x, series };
}
