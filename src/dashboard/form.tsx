// A machine's parameters as a form, made from the served schema.

import type { Signal } from '@preact/signals';

import type { Field, Group } from './schema';
import type { Values, Violation } from './server';

/**
 * What the user has typed, in SI, by field. null: from upstream. A text: what cannot be read as a number, sent as it is
 * so that the server says what is wrong with it.
 */
export type Edits = Record<string, number | string | null>;

export interface GroupFormProps {
  group: Group;
  /** What the fields have when nothing is typed: as the machine is set, or as another batch had it. */
  current: Values;
  edits: Signal<Edits>;
  /** The server's, whose loc ends with the field's name (or with the nested member's for their sum). */
  problems: Violation[];
  disabled?: boolean;
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
export function problemsOf(field: Field, problems: Violation[]): Violation[] {
  return problems.filter((problem) => problem.loc.at(-1) === field.name);
}

export function GroupForm({ group }: GroupFormProps) {
  return <fieldset><legend>{group.label}</legend></fieldset>;
}
