// A machine's values step by step: what the server kept of a batch, and what comes while it works.

import { eventsUrl, type Message } from './live';
import { get } from './server';

export interface Step {
  step: number;
  properties: Record<string, number | boolean>;
}

/** What the server kept of the machine's steps for that batch; nothing where it keeps none (--db none). */
export async function stepsOf(batch: string, process: string, signal?: AbortSignal): Promise<Step[]> {
  const answer = await get<{ telemetry: { machine: string; step: number; properties: Step['properties'] }[] }>(
    `batches/${encodeURIComponent(batch)}/telemetry?machine=${process}`,
    signal,
  );
  return answer.telemetry.map(({ step, properties }) => ({ step, properties }));
}

/**
 * The newest values of a machine, some twenty times a second at most, on a connection of its own.
 * @return ends it
 */
export function follow(process: string, take: (batch: string, step: Step) => void): () => void {
  const socket = new WebSocket(eventsUrl({ telemetry: '1', replay: '0' }));
  socket.onopen = () => socket.send(JSON.stringify({ subscribe: { event: 'data_generated', machine: process } }));
  socket.onmessage = (event: MessageEvent<string>) => {
    if (!event.data.startsWith('{')) return;
    const { status, data } = JSON.parse(event.data) as Message;
    if (status !== 'data_generated' || data.batch_id === null || data.step === undefined || !data.properties) return;
    take(data.batch_id, { step: data.step, properties: data.properties });
  };
  return () => socket.close();
}
