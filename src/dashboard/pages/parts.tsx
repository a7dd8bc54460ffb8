// What several pages ask the server for in the same way.

import { useEffect, useMemo, useState } from 'preact/hooks';

import { factory, stale } from '../live';
import { schema, type Output, type Schema } from '../schema';
import { follow, Trend } from '../telemetry';

export interface Loaded<T> {
  value: T | null;
  error: unknown;
}

/** What a question answers; asked again when its key changes. What was there stays until then. */
export function useLoaded<T>(ask: (signal: AbortSignal) => Promise<T>, key: string): Loaded<T> {
  const [loaded, set] = useState<Loaded<T>>({ value: null, error: null });
  useEffect(() => {
    const control = new AbortController();
    ask(control.signal).then(
      (value) => {
        if (!control.signal.aborted) set({ value, error: null });
      },
      (error: unknown) => {
        if (!control.signal.aborted) set((before) => ({ ...before, error }));
      },
    );
    return () => control.abort();
  }, [key]);
  return loaded;
}

/** null until it is there: labels are made of the names then. */
export function useSchema(): Schema | null {
  // Asked for again with other models, and after the server was away.
  return useLoaded(schema, `${factory.value?.models ?? ''} ${stale.value ? 'away' : ''}`).value;
}

/**
 * A machine's steps for a batch, live while it works.
 * @param batch  null: none, and no trend
 * @param total  how many steps there are or will be; undefined: not known yet
 * @param most   that are loaded
 */
export function useTrend(process: string, batch: string | null, working: boolean, total: number | undefined, most?: number) {
  const trend = useMemo(() => (batch === null ? null : new Trend(batch, process, most)), [process, batch, most]);
  const known = total !== undefined;
  useEffect(() => () => trend?.stop(), [trend]);
  useEffect(() => {
    if (!trend || !known) return;
    if (!working) {
      trend.finish(total);
      return;
    }
    return follow(
      process,
      (of, step) => {
        if (of === trend.batch) trend.add(step);
      },
      () => trend.connected(total),
    );
  }, [trend, working, known]);
  return trend;
}

/** What the description says beside the label. */
export function described(output: Output | undefined): string {
  const text = output?.description ?? '';
  return text.toLowerCase() === output?.label.toLowerCase() ? '' : text;
}
