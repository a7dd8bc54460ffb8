// Steps as the values of a chart, and which of their properties are worth one.

import { words, type Output } from './schema';
import type { Step } from './telemetry';
import { fromSi, type Unit } from './units';

/**
 * The steps' numbers, and one between two of them where some are missing because the connection was broken before the
 * second. Those that the live feed leaves out when the plant is fast are no holes.
 */
export function withHoles(steps: readonly Step[], breaks: ReadonlySet<number> | null): number[] {
  const x: number[] = [];
  let next = steps[0]?.step ?? 0;
  for (const { step } of steps) {
    if (step > next && breaks?.has(step)) x.push(next);
    x.push(step);
    next = step + 1;
  }
  return x;
}

/** Each number of any of them once, in order. */
export function merged(all: readonly number[][]): number[] {
  return all.length === 1 && all[0] ? all[0] : [...new Set(all.flat())].sort((a, b) => a - b);
}

/** @param x  in order; all the steps' numbers, and others, which get null */
export function valuesAt(name: string, steps: readonly Step[], x: readonly number[], unit: Unit): (number | null)[] {
  let index = 0;
  return x.map((at) => {
    if (steps[index]?.step !== at) return null;
    const value = steps[index++]?.properties[name];
    if (value === undefined) return null;
    return typeof value === 'boolean' ? Number(value) : fromSi(value, unit);
  });
}

/** The greatest that it is, without its sign. */
export function sizeOf(name: string, steps: readonly Step[]): number {
  let size = 0;
  for (const { properties } of steps) size = Math.max(size, Math.abs(Number(properties[name] ?? 0)));
  return size;
}

/** As the schema describes it, or as well as can be told without. */
export function outputOf(name: string, outputs: Map<string, Output> | undefined, value?: number | boolean): Output {
  const kind = typeof value === 'boolean' ? 'boolean' : 'number';
  return outputs?.get(name) ?? { name, label: words(name), unit: '1', description: '', kind };
}

// ---- Which of them say something ----

const SAMPLES = 40;
/** Fewer steps do not tell whether a value only adds up. */
export const ENOUGH = 6;
const EVEN = 0.05; // so far from a straight line, as a part of the last value

function samples(steps: readonly Step[]): Step[] {
  const stride = Math.max(1, Math.floor(steps.length / SAMPLES));
  return steps.filter((_, index) => index % stride === 0 || index === steps.length - 1);
}

/** The same with each step, from nothing: as the length that is coated, or the energy that is used so far. */
function addsUp(name: string, steps: readonly Step[]): boolean {
  const end = steps.at(-1);
  if (!end) return false;
  const most = Number(end.properties[name]);
  const each = most / (end.step + 1);
  return most > 0 && steps.every(({ step, properties }) => Math.abs(Number(properties[name]) - each * (step + 1)) <= EVEN * most);
}

/** Of these properties those that change, without those that only add up if there are others. */
export function telling(names: readonly string[], steps: readonly Step[]): string[] {
  const some = samples(steps);
  const changing = names.filter((name) => some.some(({ properties }) => properties[name] !== some[0]?.properties[name]));
  const uneven = some.length < ENOUGH ? changing : changing.filter((name) => !addsUp(name, some));
  return uneven.length > 0 ? uneven : changing;
}
