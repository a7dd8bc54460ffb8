// Where the user is: kept behind the # of the address, so that every view can be linked to and no server needs to know.

import { computed, signal } from '@preact/signals';

export interface Place {
  /** Parts of the path, e.g. ["batches", "batch_001"]. */
  path: string[];
  query: URLSearchParams;
}

function read(): Place {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2);
  const parts = path.split('/').filter(Boolean).map(decoded);
  return { path: parts.length > 0 ? parts : ['plant'], query: new URLSearchParams(query) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const place = signal<Place>(read());
addEventListener('hashchange', () => {
  place.value = read();
});

export const page = computed(() => place.value.path[0] ?? 'plant');

/** The address of a view; what is empty or undefined is left out of its query. */
export function link(path: string[], query: Record<string, string | undefined> = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) params.set(name, value);
  const text = params.toString();
  return `#/${path.map(encodeURIComponent).join('/')}${text ? `?${text}` : ''}`;
}

export function go(path: string[], query?: Record<string, string | undefined>): void {
  location.hash = link(path, query);
}

/** Changes parts of the query of the present view without a step in the browser's history. */
export function refine(changes: Record<string, string | undefined>): void {
  const query = { ...Object.fromEntries(place.value.query), ...changes };
  history.replaceState(null, '', link(place.value.path, query));
  place.value = read();
}
