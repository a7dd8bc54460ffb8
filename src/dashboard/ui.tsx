// Small parts that several pages use.

import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

import { wanted } from './access';
import { Icon, type IconName } from './icons';
import { connection } from './live';
import { Refusal } from './server';
import { TokenForm } from './token-form';

/** One of a few, as buttons side by side. */
export function Choice<T extends string>(props: { label: string; value: Signal<T>; choices: readonly T[] }) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend>{props.label}</legend>
      {props.choices.map((choice) => (
        <label key={choice}>
          <input
            type="radio"
            name={name}
            checked={props.value.value === choice}
            onChange={() => (props.value.value = choice)}
          />
          <span>{choice}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** State as colour, icon and word. */
export function State({ kind, icon, children }: { kind: string; icon: IconName; children: ComponentChildren }) {
  return (
    <span class={`state ${kind}`}>
      <Icon name={icon} />
      {children}
    </span>
  );
}

const icons: Record<string, IconName> = {
  queued: 'waiting',
  running: 'on',
  completed: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
  cancelling: 'cancelled',
  pass: 'done',
  rework: 'warning',
  scrap: 'failed',
  pending: 'waiting',
  // of the server
  healthy: 'done',
  connected: 'done',
  degraded: 'warning',
  unreachable: 'warning',
  unhealthy: 'failed',
  // of an event
  info: 'info',
  warning: 'warning',
  error: 'failed',
};

/** A state by its word: of a batch, a result, the server, an event. */
export function WordState({ word }: { word: string }) {
  return (
    <State kind={word} icon={icons[word] ?? 'off'}>
      {word}
    </State>
  );
}

/** In a <dl>. */
export function Fact({ name, kind, children }: { name: string; kind?: string; children: ComponentChildren }) {
  return (
    <div class={kind || undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Said wherever something cannot be changed, or is not known, because of that. */
export const NOT_CONNECTED = 'Not connected to the server: what you see may be old, and nothing can be changed.';

/** For dialogs, which hide the page's banner. */
function NotConnected() {
  if (wanted.value !== null) return <TokenForm />;
  if (connection.value.state !== 'lost') return null;
  return (
    <p class="problem" role="alert">
      <Icon name="warning" /> {NOT_CONNECTED}
    </p>
  );
}

export function Progress({ value, label }: { value: number; label: string }) {
  return <progress class="progress" max={1} value={Math.min(1, Math.max(0, value))} aria-label={label} />;
}

/** What went wrong, in the server's words. */
export function Problem({ error }: { error: unknown }) {
  if (!error) return null;
  const text = error instanceof Refusal ? error.message : String(error);
  return (
    <p class="problem" role="alert">
      <Icon name="failed" /> {text}
    </p>
  );
}

interface DialogProps {
  title: string;
  /** "drawer" stands at the side of the window. */
  kind?: 'dialog' | 'drawer';
  onClose: () => void;
  children: ComponentChildren;
}

/** Open as long as it is there. Escape and the close button end it; the focus goes back where it was. */
export function Dialog({ title, kind = 'dialog', onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const before = document.activeElement;
    const dialog = element.current;
    dialog?.showModal();
    return () => {
      dialog?.close(); // as long as it is open nothing behind it can have the focus
      if ((before instanceof HTMLElement || before instanceof SVGElement) && before.isConnected && before !== document.body)
        before.focus();
      // Opened from a page that is gone, or by its address: on with the page that is there.
      else document.getElementById('main')?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={kind}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === element.current) onClose();
      }}
    >
      <header>
        <h2 id={heading}>{title}</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div class="content">
        <NotConnected />
        {children}
      </div>
    </dialog>
  );
}
