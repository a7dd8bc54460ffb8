// Pause and the step interval, as the pages Plant and Health both have them.

import { useSignal } from '@preact/signals';

import { Icon } from '../icons';
import { pacing, refresh, stale } from '../live';
import { send, type Pacing } from '../server';
import { State } from '../ui';

/** Step intervals to choose from, in milliseconds. */
export const INTERVALS: readonly number[] = [0, 5, 10, 20, 50, 100, 200, 500, 1000];

export const intervalText = (interval: number): string => (interval === 0 ? 'As fast as possible' : `${interval} ms`);

export interface PacingChange {
  busy: boolean;
  problem: unknown;
  /** What was done last. */
  said: string;
  /**
   * What is typed is sent as it is: the server says what is wrong with it.
   * @return whether it was accepted
   */
  change(wanted: Partial<Record<keyof Pacing, unknown>>, said: string): Promise<boolean>;
}

export function usePacingChange(): PacingChange {
  const busy = useSignal(false);
  const problem = useSignal<unknown>(null);
  const said = useSignal('');
  const change: PacingChange['change'] = async (wanted, text) => {
    busy.value = true;
    problem.value = null;
    said.value = '';
    let accepted = false;
    try {
      await send('PATCH', 'factory/pacing', wanted);
      accepted = true;
      await refresh();
      said.value = text;
    } catch (error) {
      problem.value = error;
    }
    busy.value = false;
    return accepted;
  };
  return { busy: busy.value, problem: problem.value, said: said.value, change };
}

export function PacingState() {
  if (!pacing.value) return <span class="dim">Loading …</span>;
  return pacing.value.paused ? (
    <State kind="warning" icon="pause">
      paused
    </State>
  ) : (
    <State kind="on" icon="play">
      not paused
    </State>
  );
}

export function PauseButton({ change }: PacingChange) {
  const paused = pacing.value?.paused ?? false;
  return (
    <button
      type="button"
      aria-label={paused ? 'Resume the plant' : 'Pause the plant'}
      disabled={stale.value || !pacing.value}
      onClick={() => void change({ paused: !paused }, paused ? 'The plant is running again' : 'The plant is paused')}
    >
      <Icon name={paused ? 'play' : 'pause'} /> {paused ? 'Resume' : 'Pause'}
    </button>
  );
}
