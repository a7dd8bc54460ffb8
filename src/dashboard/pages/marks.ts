// What the plant's picture shows of a machine's parameters: that they are not the defaults, or are typed and not sent.

import { signal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { valuesOf, type Edits } from '../form';
import { factory, machines, stale, type Machine } from '../live';
import { schema, type Group } from '../schema';
import { get, type MachineStatus, type Values } from '../server';

/** By process: what was typed and not sent outlives the drawer. */
const typed = new Map<string, Signal<Edits>>();

export function editsOf(process: string): Signal<Edits> {
  const known = typed.get(process) ?? signal<Edits>({});
  typed.set(process, known);
  return known;
}

/** The standard values that the machine has not got. */
export function standards(group: Group, current: Values): Edits {
  const now = valuesOf(group, current);
  const found: Edits = {};
  for (const { name, standard, nullable } of group.fields)
    if (now[name] !== standard && (standard !== null || nullable)) found[name] = standard;
  return found;
}

const altered = new Map<string, Signal<boolean>>();

/** Whether its parameters are not the defaults; false as long as that is not known. */
export function alteredOf(process: string): Signal<boolean> {
  const known = altered.get(process) ?? signal(false);
  altered.set(process, known);
  return known;
}

/** By process: what was known of the machine when it was asked. */
const seen = new Map<string, string>();

async function look({ line, id, process }: Machine, abort: AbortSignal): Promise<void> {
  const [known, status] = await Promise.all([schema(), get<MachineStatus>(`machine/${line}/${id}/status`, abort)]);
  const group = known.groupOf.get(process);
  alteredOf(process).value = group !== undefined && Object.keys(standards(group, status.machine_parameters)).length > 0;
}

/** Each machine is asked once, and again after its parameters were changed or the connection was lost. */
export function useMarks(): void {
  const models = factory.value?.models ?? '';
  const known = machines.value;
  const away = stale.value;
  useEffect(() => {
    if (away) {
      seen.clear(); // nobody knows what is changed meanwhile
      return;
    }
    const stop = new AbortController();
    const ends = known.map((one) =>
      one.subscribe((machine) => {
        const now = `${models} ${machine.changes}`;
        if (seen.get(machine.process) === now) return;
        seen.set(machine.process, now);
        look(machine, stop.signal).catch(() => seen.delete(machine.process));
      }),
    );
    return () => {
      stop.abort();
      for (const end of ends) end();
    };
  }, [known, models, away]);
}
