// What the server says of its parameters and results in /openapi.json: forms, labels and units come from there.

import { get } from './server';

interface Node {
  type?: string | string[];
  title?: string;
  description?: string;
  /** Of a parameter, without unit, usual range and hints, which the form says in the units that it shows. */
  'x-description'?: string;
  /** What to mind when the value is given in SI. */
  'x-hint'?: string;
  default?: unknown;
  properties?: Record<string, Node>;
  oneOf?: Node[];
  anyOf?: Node[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  'x-unit'?: string;
  'x-usual'?: Node;
}

export interface Limits {
  above?: number;
  atLeast?: number;
  below?: number;
  atMost?: number;
}

export interface Field {
  name: string;
  label: string;
  /** SI; "1" or "" for plain numbers. */
  unit: string;
  description: string;
  /** Holds in SI only. */
  hint: string;
  /** null: taken from upstream. */
  standard: number | null;
  nullable: boolean;
  hard: Limits;
  usual: Limits | null;
}

/** The parameters of one machine. */
export interface Group {
  /** In a batch's request, e.g. "anode_coating_params". */
  name: string;
  /** e.g. "coating_anode" */
  process: string;
  label: string;
  description: string;
  fields: Field[];
  /** The member that holds the fields ("material_ratios"), or null. Its fields are ratios whose sum is 1. */
  nested: string | null;
}

export interface Output {
  name: string;
  label: string;
  unit: string;
  description: string;
  kind: 'number' | 'integer' | 'boolean';
}

export interface Schema {
  groups: Group[];
  /** By process name. */
  groupOf: Map<string, Group>;
  /** What a machine tells of the product, by its name. */
  outputs(process: string, models: string): Map<string, Output>;
  /** What its machine has to say beside that. */
  specifics(process: string): Map<string, Output>;
  /** Descriptions and units of the end-of-line figures. */
  endOfLine: Map<string, Output>;
  /** Of a batch's seed. */
  seed: Limits;
}

/** Parts of names that are no words. */
const abbreviations = new Map([
  ['np', 'N/P'],
  ...['AM', 'CA', 'OCV', 'PVDF', 'SEI', 'SOC'].map((one): [string, string] => [one.toLowerCase(), one]),
]);

/** A flag that is among the causes. "Pass_width" is there when it is not so. */
export const causeWords = (flag: string): string =>
  flag.startsWith('Pass_') ? `${words(flag.slice(5))} not passed` : words(flag);

/** "coating_anode" or "electrolyte_filling" in words, "np_ratio" as "N/P ratio". */
export function words(name: string): string {
  const text = name
    .split('_')
    .filter(Boolean)
    .map((part) => abbreviations.get(part) ?? part)
    .join(' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

let loaded: Promise<Schema> | null = null;

/** Loaded once; after a failure, asked for again. */
export function schema(): Promise<Schema> {
  if (loaded) return loaded;
  const asked = get<{ components: { schemas: Record<string, Node> } }>('openapi.json').then(
    (document) => understood(document.components.schemas),
    (error: unknown) => {
      if (loaded === asked) loaded = null;
      throw error;
    },
  );
  loaded = asked;
  return asked;
}

/** It is asked for again when it is wanted next. */
export function forgetSchema(): void {
  loaded = null;
}

function understood(schemas: Record<string, Node>): Schema {
  const groups = Object.keys(schemas['BatchRequest']?.properties ?? {})
    .filter((name) => name.endsWith('_params'))
    .map((name) => group(name, schemas[name] ?? {}));
  return {
    groups,
    groupOf: new Map(groups.map((one) => [one.process, one])),
    outputs: (process, models) => outputs(schemas[`${process}_properties_${models}`]),
    specifics: (process) =>
      outputs(schemas[`${process}_status`]?.properties?.['process_specifics']?.anyOf?.find((one) => one.properties)),
    endOfLine: outputs(schemas['EndOfLine']),
    seed: limits(schemas['Seed'] ?? {}),
  };
}

function group(name: string, node: Node): Group {
  const first = node.oneOf?.[0];
  const nested = first ? Object.keys(first.properties ?? {})[0] ?? null : null;
  const properties = (nested !== null ? first?.properties?.[nested]?.properties : node.properties) ?? {};
  const process = node.title ?? name.replace(/_params$/, '');
  return {
    name,
    process,
    label: words(process),
    description: about(node),
    fields: Object.entries(properties).map(([field, one]) => ({
      name: field,
      label: label(field, one['x-unit']),
      unit: one['x-unit'] ?? '1',
      description: about(one),
      hint: one['x-hint'] ?? '',
      standard: typeof one.default === 'number' ? one.default : null,
      nullable: Array.isArray(one.type) && one.type.includes('null'),
      hard: limits(one),
      usual: one['x-usual'] ? limits(one['x-usual']) : null,
    })),
    nested,
  };
}

// A unit at its end is shown beside the value, and perhaps another one.
function about(node: Node): string {
  const text = node['x-description'] ?? node.description ?? '';
  const unit = ` [${node['x-unit'] ?? ''}]`;
  return text.endsWith(unit) ? text.slice(0, -unit.length) : text;
}

// A unit at the end of a name ("charge_current_A", "electrolyte_g_per_Ah") is said by the unit itself.
function label(name: string, unit = '1'): string {
  const end = unit === 'd' ? '_days' : `_${unit.replace('/', '_per_')}`;
  return words(name.endsWith(end) ? name.slice(0, -end.length) : name);
}

function limits(node: Node): Limits {
  const found: Limits = {};
  if (node.exclusiveMinimum !== undefined) found.above = node.exclusiveMinimum;
  if (node.minimum !== undefined) found.atLeast = node.minimum;
  if (node.exclusiveMaximum !== undefined) found.below = node.exclusiveMaximum;
  if (node.maximum !== undefined) found.atMost = node.maximum;
  return found;
}

function outputs(node: Node | undefined): Map<string, Output> {
  const found = new Map<string, Output>();
  for (const [name, one] of Object.entries(node?.properties ?? {})) {
    const types = Array.isArray(one.type) ? one.type : [one.type];
    found.set(name, {
      name,
      label: label(name, one['x-unit']),
      unit: one['x-unit'] ?? '1',
      description: about(one),
      kind: types.includes('boolean') ? 'boolean' : types.includes('integer') ? 'integer' : 'number',
    });
  }
  return found;
}
