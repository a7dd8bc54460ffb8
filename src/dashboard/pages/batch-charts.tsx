// A property of a machine over its steps: of one batch, or of several on top of each other.

import { useId, useMemo, useRef } from 'preact/hooks';

import { Chart, type Series } from '../chart';
import { words, type Output } from '../schema';
import { ENOUGH, merged, outputOf, sizeOf, telling, valuesAt, withHoles } from '../series';
import type { Step } from '../telemetry';
import { displayUnit } from '../units';
import { described } from './parts';

export interface Course {
  label: string;
  steps: readonly Step[];
  /** Steps before which the connection was broken. */
  breaks: ReadonlySet<number> | null;
}

/** The properties that the steps have, in the machine's order. */
export function propertiesOf(courses: readonly Course[]): string[] {
  const found = new Set<string>();
  for (const { steps } of courses) for (const name of Object.keys(steps.at(-1)?.properties ?? {})) found.add(name);
  return [...found];
}

/** The property to begin with, as long as none is chosen: one that says something. */
export function useFirst(names: readonly string[], steps: readonly Step[], outputs: Map<string, Output> | undefined): string {
  const picked = useRef('');
  return useMemo(() => {
    if (names.includes(picked.current)) return picked.current;
    const last = steps.at(-1)?.properties;
    const numbers = names.filter((name) => outputOf(name, outputs, last?.[name]).kind !== 'boolean');
    const first = telling(numbers, steps)[0] ?? numbers[0] ?? names[0] ?? '';
    if (steps.length >= ENOUGH) picked.current = first;
    return first;
  }, [names.join(), steps, outputs]);
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
  const typical = useMemo(() => Math.max(0, ...courses.map(({ steps }) => sizeOf(property, steps))), [courses, property]);
  const unit = displayUnit(output?.unit ?? '1', typical);
  const x = useMemo(() => merged(courses.map(({ steps, breaks }) => withHoles(steps, breaks))), [courses]);
  const series = useMemo(
    () => courses.map(({ label, steps }): Series => ({ label, values: valuesAt(property, steps, x, unit) })),
    [courses, property, unit.name],
  );
  const name = output?.label ?? words(property);
  const about = described(output);
  return (
    <>
      <Chart title={`${machine}: ${name}`} unit={unit.name} xLabel="Step" x={x} series={series} height={240} />
      {about && <p class="hint">{about}.</p>}
      {output?.kind === 'boolean' && <p class="hint">1 is yes, 0 is no.</p>}
    </>
  );
}
