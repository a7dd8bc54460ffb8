// Machine by machine: what each of them did to a batch, and how it came about.

import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';

import { Download } from '../download';
import { Icon } from '../icons';
import { place, refine } from '../router';
import { causeWords, words, type Output, type Schema } from '../schema';
import { type Batch, type MachineResult } from '../server';
import type { Step } from '../telemetry';
import { WordState } from '../ui';
import { shown } from '../units';
import { CourseChart, propertiesOf, PropertyPicker, useFirst, type Course } from './batch-charts';
import { byLine, processLabel } from './batch-parts';
import { batchPath } from './batch-store';
import { described, useTrend } from './parts';
import { History } from './trends';

const none: readonly Step[] = [];

export function Machines({ batch, schema }: { batch: Batch; schema: Schema | null }) {
  const opened = place.value.query.get('machine');
  return (
    <section aria-labelledby="machines">
      <h2 id="machines">Machines</h2>
      <p class="hint">What each machine did to the nominal cell. Open one to see its properties, step by step.</p>
      <div class="machines">
        {byLine(Object.entries(batch.machines), ([process]) => process).map(([line, ofLine]) => (
          <section key={line} class="line" aria-label={`${words(line)} line`}>
            <h3>{words(line)} line</h3>
            {ofLine.map(([process, result]) => (
              <MachineSection
                key={process}
                batch={batch}
                process={process}
                result={result}
                schema={schema}
                open={opened === process}
              />
            ))}
          </section>
        ))}
      </div>
    </section>
  );
}

interface MachineProps {
  batch: Batch;
  process: string;
  result: MachineResult;
  schema: Schema | null;
  open: boolean;
}

function MachineSection({ batch, process, result, schema, open: first }: MachineProps) {
  const open = useSignal(first);
  const element = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (first) element.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  const toggled = (now: boolean) => {
    if (now === open.peek()) return;
    open.value = now;
    // The last that was opened can be linked to.
    if (now) refine({ machine: process });
    else if (place.peek().query.get('machine') === process) refine({ machine: undefined, property: undefined });
  };
  const waits = result.status === 'pending';
  return (
    <details class="section" ref={element} open={open.value} onToggle={(event) => toggled(event.currentTarget.open)}>
      <summary>
        <span>{processLabel(schema, process)}</span>
        <WordState word={stateOf(result)} />
        {!waits && <span class="hint">{result.steps} steps</span>}
        {result.causes.length > 0 && <span class="hint">{result.causes.map(causeWords).join(', ')}</span>}
      </summary>
      {open.value &&
        (waits ? <p class="hint">The batch has not reached this machine yet.</p> : <Opened {...{ batch, process, result, schema }} />)}
    </details>
  );
}

const stateOf = ({ status, outcome }: MachineResult): string => (outcome && status === 'completed' ? outcome : status);

function Opened({ batch, process, result, schema }: Omit<MachineProps, 'open'>) {
  const outputs = schema?.outputs(process, batch.models);
  const properties = Object.entries(result.properties ?? {});
  const label = processLabel(schema, process);
  return (
    <div class="opened">
      <div>
        <Telemetry batch={batch} process={process} result={result} outputs={outputs} label={label} />
      </div>
      <div>
        <h4>{batch.status === 'running' && result.status === 'running' ? 'Properties now' : 'Properties at the end'}</h4>
        {properties.length === 0 ? (
          <p class="hint">Not known yet.</p>
        ) : (
          <div class="scroll" tabIndex={0} role="region" aria-label={`Properties of ${label}`}>
            <table class="properties">
              <thead>
                <tr>
                  <th scope="col">Property</th>
                  <th scope="col" class="number">
                    Value
                  </th>
                  <th scope="col">What it is</th>
                </tr>
              </thead>
              <tbody>
                {properties.map(([name, value]) => {
                  const output = outputs?.get(name);
                  return (
                    <tr key={name}>
                      <th scope="row">{output?.label ?? words(name)}</th>
                      <td class="number">{shown(value, output?.unit)}</td>
                      <td class="hint">{described(output)}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
      </div>
    </div>
  );
}

interface TelemetryProps {
  batch: Batch;
  process: string;
  result: MachineResult;
  outputs: Map<string, Output> | undefined;
  label: string;
}

function Telemetry({ batch, process, result, outputs, label }: TelemetryProps) {
  const id = batch.batch_id;
  const all = useSignal(false);
  const runs = result.status === 'running' && batch.status === 'running';
  const trend = useTrend(process, id, runs, result.steps, all.value ? Infinity : undefined);
  const steps = trend?.steps.value ?? none;
  const kept = trend?.without.value !== 'kept';
  const breaks = trend?.breaks ?? null;
  const courses = useMemo((): Course[] => [{ label: `Batch ${id}`, steps, breaks }], [id, steps, breaks]);

  const names = propertiesOf(courses);
  const asked = place.value.query.get('machine') === process ? place.value.query.get('property') : null;
  const own = useSignal('');
  const first = useFirst(names, steps, outputs);
  const property = names.find((name) => name === (own.value || asked)) ?? first;
  const csv = `${batchPath(id)}/telemetry?machine=${process}&format=csv`;
  return (
    <>
      <div class="toolbar">
        {names.length > 0 && (
          <PropertyPicker
            names={names}
            outputs={outputs}
            value={property}
            choose={(name) => {
              own.value = name;
              refine({ machine: process, property: name });
            }}
          />
        )}
        {kept && (
          <Download class="button" path={csv} name={`${id}-${process}.csv`} label={`CSV: steps of ${label}`}>
            <Icon name="down" /> CSV
          </Download>
        )}
      </div>
      <History trend={trend} working={runs} onAll={() => (all.value = true)} />
      {names.length > 0 && <CourseChart machine={label} property={property} output={outputs?.get(property)} courses={courses} />}
    </>
  );
}
