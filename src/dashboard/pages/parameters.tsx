// A machine's parameters, in its drawer.

import { useSignal, type Signal } from '@preact/signals';

import { bodyOf, GroupForm } from '../form';
import { Icon } from '../icons';
import { stale, type Machine } from '../live';
import type { Schema } from '../schema';
import { Refusal, send, type MachineStatus, type Values, type Violation } from '../server';
import { Problem } from '../ui';
import { editsOf, standards } from './marks';

interface Answer {
  message: string;
  machine_parameters: Values;
  applies_from: string;
  warnings?: string[];
}

const none: Violation[] = [];

interface ParametersProps {
  machine: Machine;
  status: Signal<MachineStatus | null>;
  known: Schema;
}

export function Parameters({ machine, status, known }: ParametersProps) {
  const edits = editsOf(machine.process);
  const busy = useSignal(false);
  const answer = useSignal<Answer | null>(null);
  const problem = useSignal<unknown>(null);
  const note = useSignal('');
  const group = known.groupOf.get(machine.process);
  const current = status.value?.machine_parameters;
  if (!group || !current) return null;

  const body = bodyOf(group, edits.value);
  const clear = (): void => {
    answer.value = null;
    problem.value = null;
    note.value = '';
  };
  const apply = async (): Promise<void> => {
    if (!body || stale.value || busy.value) return;
    clear();
    busy.value = true;
    try {
      const said = await send<Answer>('PATCH', `machine/${machine.line}/${machine.id}/parameters`, body);
      answer.value = said;
      edits.value = {};
      if (status.value) status.value = { ...status.value, machine_parameters: said.machine_parameters };
    } catch (error) {
      problem.value = error;
    }
    busy.value = false;
  };
  const discard = (): void => {
    clear();
    edits.value = {};
  };
  const restore = (): void => {
    clear();
    edits.value = standards(group, current);
    note.value =
      Object.keys(edits.value).length > 0
        ? 'The defaults are filled in. Press Apply to send them.'
        : 'The machine already has its default values.';
  };
  const violations = problem.value instanceof Refusal ? problem.value.violations : none;
  return (
    <section aria-labelledby="parameters-heading">
      <h3 id="parameters-heading" tabIndex={-1}>Parameters</h3>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void apply();
        }}
      >
        <GroupForm group={group} current={current} edits={edits} problems={violations} disabled={stale.value || busy.value} />
        {machine.batch !== null && body && (
          <p class="hint">Batch {machine.batch}, which is in the machine, finishes with the values it started with.</p>
        )}
        {violations.length > 0 ? (
          <p class="problem" role="alert">
            <Icon name="failed" /> Nothing was changed.{' '}
            {violations.length === 1 ? 'One value needs correcting.' : `${violations.length} values need correcting.`}
          </p>
        ) : (
          <Problem error={problem.value} />
        )}
        <div class="toolbar">
          <button type="submit" class="primary" disabled={stale.value || busy.value || !body}>
            Apply
          </button>
          <button type="button" disabled={busy.value || !body} onClick={discard}>
            Discard
          </button>
          <button type="button" disabled={stale.value || busy.value} onClick={restore}>
            Restore defaults
          </button>
        </div>
        <div role="status">
          {note}
          {answer.value && <Said answer={answer.value} />}
        </div>
      </form>
    </section>
  );
}

function Said({ answer }: { answer: Answer }) {
  return (
    <>
      <p class="applied">
        <Icon name="done" /> {answer.message}.{' '}
        {answer.applies_from === 'now' ? 'They apply now.' : `They apply from the ${answer.applies_from}.`}
      </p>
      {(answer.warnings ?? []).map((warning) => (
        <p key={warning} class="warned">
          <Icon name="warning" /> {warning}
        </p>
      ))}
    </>
  );
}
