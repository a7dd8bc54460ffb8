// The access token that the server may ask for (--token-file). Kept for this tab, or for this browser if the user wants.

import { signal } from '@preact/signals';

/** What the server wants: a token, or another one than it was shown. */
export const wanted = signal<'token' | 'another' | null>(null);

// A server below another path of the same host has tokens of its own.
const key = `battery-twin.token:${new URL('.', document.baseURI).pathname}`;

function kept(): string {
  try {
    return sessionStorage.getItem(key) ?? localStorage.getItem(key) ?? '';
  } catch {
    return ''; // a browser that keeps nothing
  }
}

/** Empty: none. */
export const token = signal(kept());

/** The token is good: from now on it is shown. An empty one is forgotten. */
export function take(good: string, remember: boolean): void {
  try {
    sessionStorage.removeItem(key);
    localStorage.removeItem(key);
    if (good) (remember ? localStorage : sessionStorage).setItem(key, good);
  } catch {
    // It is asked for again next time.
  }
  token.value = good;
  wanted.value = null;
}

/** The server said 401 to who showed that token, or none. It may have been asked before another one was taken. */
export function refusedWith(shown: string): void {
  if (shown === token.peek()) wanted.value = shown ? 'another' : 'token';
}

export function authorization(shown: string): Record<string, string> {
  return shown ? { Authorization: `Bearer ${shown}` } : {};
}
