// What came of a batch: the figures at the end of the line.

import { words, type Output, type Schema } from '../schema';
import type { Batch } from '../server';
import { format } from '../units';
import { causeLabel, figure, tableTitle, tableUnit } from './batch-parts';

export function EndOfLine({ batch, schema }: { batch: Batch; schema: Schema | null }) {
  const all = Object.entries(batch.end_of_line ?? {});
  const plain = all.filter(([, value]) => typeof value === 'number' || typeof value === 'boolean');
  const tables = all.flatMap(([name, value]): [string, Record<string, number>][] =>
    typeof value === 'object' && value !== null ? [[name, value as Record<string, number>]] : [],
  );
  const unknown = all.filter(([, value]) => value === null).map(([name]) => schema?.endOfLine.get(name)?.label ?? words(name));
  return (
    <section aria-labelledby="end">
      <h2 id="end">End of line</h2>
      {batch.end_of_line === null && (
        <p class="hint">
          {batch.status === 'queued' || batch.status === 'running'
            ? 'The figures follow when the batch is completed.'
            : 'The batch did not reach the end of the line, so there are no figures.'}
        </p>
      )}
      {plain.length > 0 && (
        <dl class="figures">
          {plain.map(([name, value]) => {
            const output = schema?.endOfLine.get(name);
            return (
              <div class="card" key={name}>
                <dt>{output?.label ?? words(name)}</dt>
                <dd>{figure(output, value)}</dd>
                {output?.description && <dd class="hint">{output.description}</dd>}
              </div>
            );
          })}
        </dl>
      )}
      {unknown.length > 0 && <p class="hint">Not calculated by these models: {unknown.join(', ')}.</p>}
      <div class="bars-beside">
        {tables.map(([name, values]) => (
          <Bars key={name} name={name} values={values} output={schema?.endOfLine.get(name)} schema={schema} />
        ))}
      </div>
    </section>
  );
}

interface BarsProps {
  name: string;
  values: Record<string, number>;
  output: Output | undefined;
  schema: Schema | null;
}

function Bars({ name, values, output, schema }: BarsProps) {
  const sorted = Object.entries(values).sort(([, a], [, b]) => b - a);
  const most = Math.max(...sorted.map(([, value]) => value), 0);
  const sum = sorted.reduce((all, [, value]) => all + value, 0);
  const unit = tableUnit(name);
  const text = (value: number) => `${format(value, 4)}${unit ? ` ${unit}` : ''}`;
  return (
    <div class="card">
      <h3>
        {tableTitle(name)}
        {sorted.length > 0 && <span class="hint"> {text(sum)} in all</span>}
      </h3>
      {output?.description && <p class="hint">{output.description}</p>}
      {sorted.length === 0 ? (
        <p>None.</p>
      ) : (
        <ul class="bars">
          {sorted.map(([key, value]) => (
            <li key={key}>
              <span>{causeLabel(schema, key)}</span>
              <b>{text(value)}</b>
              <span class="bar" aria-hidden="true">
                <span style={{ width: `${most > 0 ? (100 * value) / most : 0}%` }} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
