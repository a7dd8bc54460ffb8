// Asks for the access token, where the server wants one.

import { useSignal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';

import { take, wanted } from './access';
import { Icon } from './icons';
import { Refusal, tryToken } from './server';

const TOKEN = /^[\w.~+/-]+=*$/; // of other characters there is none
const NOT_KNOWN = 'The server does not know this token.';

/** @param alone  nothing else is on the page */
export function TokenForm({ alone = false }: { alone?: boolean }) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const remember = useRef<HTMLInputElement>(null);
  const busy = useSignal(false);
  const problem = useSignal(wanted.peek() === 'another' ? 'The token that was used until now is no longer good.' : '');
  const Heading = alone ? 'h1' : 'h2';
  useEffect(() => {
    if (alone) input.current?.focus();
  }, [alone]);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const text = input.current?.value.trim() ?? '';
    if (!text || busy.peek()) return;
    busy.value = true;
    problem.value = '';
    try {
      if (!TOKEN.test(text)) throw new Refusal(401, NOT_KNOWN);
      await tryToken(text);
      take(text, remember.current?.checked ?? false);
    } catch (error) {
      problem.value = error instanceof Refusal && error.status === 401 ? NOT_KNOWN : String((error as Error).message);
      input.current?.select();
    }
    busy.value = false;
  }

  return (
    <section class="card token" aria-labelledby={`${id}-title`}>
      <Heading id={`${id}-title`}>The server asks for an access token</Heading>
      <p id={`${id}-hint`} class="hint">
        Whoever runs the server can give you one. With a read-only token you can look at everything and change nothing.
      </p>
      <form class="toolbar" onSubmit={(event) => void submit(event)}>
        <label for={id}>Access token</label>
        <input
          id={id}
          ref={input}
          type="password"
          autocomplete="current-password"
          required
          aria-invalid={problem.value ? 'true' : undefined}
          aria-describedby={`${id}-hint`}
        />
        <label>
          <input type="checkbox" ref={remember} /> Remember on this computer
        </label>
        <button class="primary" aria-disabled={busy.value ? 'true' : undefined}>
          Continue
        </button>
      </form>
      <div role="alert">
        {problem.value && (
          <p class="problem">
            <Icon name="failed" /> {problem.value}
          </p>
        )}
      </div>
    </section>
  );
}
