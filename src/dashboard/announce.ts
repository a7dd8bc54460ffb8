// What a screen reader is told of the plant: the life of batches, no more than a sentence in two seconds.

import { signal } from '@preact/signals';

import { onMessages } from './live';

export const announcement = signal('');

const PAUSE = 2_000;
const told = new Set(['batch_started_processing', 'batch_merged', 'batch_completed', 'batch_failed', 'batch_cancelled']);

let waiting: string[] = [];
let timer = 0;

export function startAnnouncing(): void {
  onMessages((messages) => {
    for (const { status, data } of messages) if (told.has(status) && !data.replayed) waiting.push(data.message);
    if (waiting.length > 0 && timer === 0) timer = window.setTimeout(tell, PAUSE);
  });
}

function tell(): void {
  timer = 0;
  const last = waiting.at(-1) ?? '';
  announcement.value = waiting.length > 1 ? `${waiting.length} events of batches, the last: ${last}` : last;
  waiting = [];
}
