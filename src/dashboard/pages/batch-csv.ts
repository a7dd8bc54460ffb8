// Batches as a table for spreadsheets and scripts: a row for each batch, in SI, the units in the header.

import { valuesOf } from '../form';
import type { Schema } from '../schema';
import type { Batch } from '../server';
import { lasted, outcomeOf, tableUnit } from './batch-parts';

type Cell = string | number | boolean | null | undefined;

interface Column {
  head: string;
  value: (batch: Batch) => Cell;
}

const facts: Column[] = [
  { head: 'batch_id', value: (batch) => batch.batch_id },
  { head: 'status', value: (batch) => batch.status },
  { head: 'outcome', value: outcomeOf },
  { head: 'created_at', value: (batch) => batch.created_at },
  { head: 'started_at', value: (batch) => batch.started_at },
  { head: 'finished_at', value: (batch) => batch.finished_at },
  { head: 'duration [s]', value: lasted },
  { head: 'seed', value: (batch) => batch.seed },
  { head: 'models', value: (batch) => batch.models },
  { head: 'warnings', value: (batch) => batch.warnings.length },
];

const headed = (name: string, unit = '1'): string => (unit === '1' || unit === '' ? name : `${name} [${unit}]`);

const isTable = (value: unknown): value is Record<string, Cell> => typeof value === 'object' && value !== null;

/** What any of the batches has, each name once. */
const namesOf = (all: (object | null | undefined)[]): string[] => [...new Set(all.flatMap((one) => Object.keys(one ?? {})))];

function figures(batches: Batch[], schema: Schema): Column[] {
  return namesOf(batches.map((batch) => batch.end_of_line)).flatMap((name): Column[] => {
    const of = (batch: Batch): unknown => batch.end_of_line?.[name];
    const tables = batches.map(of).filter(isTable);
    if (tables.length === 0)
      return [{ head: headed(name, schema.endOfLine.get(name)?.unit), value: (batch) => of(batch) as Cell }];
    return namesOf(tables).map((key) => ({
      head: headed(`${name}.${key}`, tableUnit(name)),
      value: (batch) => {
        const table = of(batch);
        return isTable(table) ? (table[key] ?? 0) : null;
      },
    }));
  });
}

function parameters({ groups }: Schema): Column[] {
  return groups.flatMap((group) =>
    group.fields.map((field): Column => ({
      head: headed([group.name, group.nested, field.name].filter(Boolean).join('.'), field.unit),
      value: (batch) => valuesOf(group, batch.parameters[group.name] ?? {})[field.name],
    })),
  );
}

/** As RFC 4180 has it. */
function quoted(cell: Cell): string {
  const text = cell === null || cell === undefined ? '' : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvOf(batches: Batch[], schema: Schema): string {
  const columns = [...facts, ...figures(batches, schema), ...parameters(schema)];
  const rows = [columns.map(({ head }) => head), ...batches.map((batch) => columns.map(({ value }) => value(batch)))];
  return rows.map((row) => `${row.map(quoted).join(',')}\r\n`).join('');
}
