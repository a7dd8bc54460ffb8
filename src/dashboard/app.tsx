// The frame around the pages: navigation, state of the connection, what is announced.

import { useComputed, useSignal } from '@preact/signals';
import { Component, type ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { take, token, wanted } from './access';
import { announcement } from './announce';
import { Icon } from './icons';
import { asOf, connection, factory, stale, tryNow } from './live';
import { Batches } from './pages/batches';
import { Health } from './pages/health';
import { Logs } from './pages/logs';
import { Plant } from './pages/plant';
import { link, page, place } from './router';
import { url } from './server';
import {
  flowUnit,
  flowUnits,
  lengthUnit,
  lengthUnits,
  pressureUnit,
  pressureUnits,
  temperatureUnit,
  temperatureUnits,
  theme,
  themes,
} from './settings';
import { clock } from './time';
import { TokenForm } from './token-form';
import { Choice, Problem } from './ui';

const pages = [
  { name: 'plant', title: 'Plant', view: Plant },
  { name: 'batches', title: 'Batches', view: Batches },
  { name: 'logs', title: 'Logs', view: Logs },
  { name: 'health', title: 'Health', view: Health },
] as const;

export function App() {
  const current = pages.find((one) => one.name === page.value);
  useTitle(current?.title ?? 'Not found');
  useFocusOnChange();
  const View = current?.view ?? NotFound;
  // Before it has one there is nothing to be seen.
  const wantsToken = wanted.value !== null && factory.value === null;
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href="#/plant">
          battery-twin
        </a>
        <nav aria-label="Pages">
          {pages.map((one) => (
            <a key={one.name} href={link([one.name])} aria-current={one === current ? 'page' : undefined}>
              {one.title}
            </a>
          ))}
          <a href={url('docs').href}>API</a>
        </nav>
        <ConnectionState />
        <Settings />
      </header>
      {wanted.value !== null ? !wantsToken && <TokenForm /> : <Banner />}
      <main id="main" tabIndex={-1} class={stale.value && !wantsToken ? 'stale' : undefined}>
        {wantsToken ? (
          <TokenForm alone />
        ) : (
          <Boundary key={place.value.path.join('/')}>
            <View />
          </Boundary>
        )}
      </main>
      <p class="unseen" role="status" aria-live="polite">
        {announcement}
      </p>
    </>
  );
}

// A fault in a view leaves the rest as it is, and ends with the next view.
class Boundary extends Component<{ children: ComponentChildren }, { error: unknown }> {
  override state = { error: null as unknown };

  static override getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override componentDidCatch(error: unknown): void {
    reportError(error);
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <>
        <h1>This view has failed</h1>
        <Problem error={this.state.error} />
        <p>
          <button type="button" onClick={() => this.setState({ error: null })}>
            Try again
          </button>
        </p>
      </>
    );
  }
}

function useTitle(page: string): void {
  const { path } = place.value;
  const title = [...path.slice(1).reverse(), page, 'battery-twin'].join(' · ');
  useEffect(() => {
    document.title = title;
  }, [title]);
}

// Who goes to another view begins at its heading, as after the load of a page; not after the first load, where the
// browser does that itself.
function useFocusOnChange(): void {
  const view = place.value.path.join('/');
  const before = useRef(view);
  useEffect(() => {
    if (before.current === view) return;
    before.current = view;
    if (document.querySelector('dialog[open]')) return; // it has the focus
    scrollTo(0, 0);
    const main = document.getElementById('main');
    const heading = main?.querySelector<HTMLElement>('h1');
    if (heading) heading.tabIndex = -1;
    (heading ?? main)?.focus({ preventScroll: true });
  }, [view]);
}

function NotFound() {
  return (
    <>
      <h1>There is no such page</h1>
      <p>
        The address names a view that this dashboard does not have. The <a href="#/plant">plant</a> is a good place to go
        on from.
      </p>
    </>
  );
}

// The place behind # is the page's: the link must not change it.
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function ConnectionState() {
  const text = useComputed(() => {
    switch (connection.value.state) {
      case 'live':
        return factory.value?.pacing.paused ? 'Live, paused' : 'Live';
      case 'connecting':
        return 'Connecting';
      case 'lost':
        return 'Not connected';
    }
  });
  return (
    <p class={`connection ${connection.value.state}`}>
      <Icon name={connection.value.state === 'live' ? (factory.value?.pacing.paused ? 'pause' : 'on') : 'warning'} />
      {text}
    </p>
  );
}

function Banner() {
  const state = connection.value;
  if (state.state !== 'lost') return null;
  return (
    <div class="banner" role="alert">
      <Icon name="warning" />
      <p>
        {asOf.value
          ? `The connection to the server is lost. What you see is as of ${clock(asOf.value)}; nothing can be changed until it is back.`
          : 'The server cannot be reached. The plant is shown as soon as it answers.'}{' '}
        <NextTry at={state.nextTry} />
      </p>
      <button type="button" onClick={tryNow}>
        Try now
      </button>
    </div>
  );
}

function NextTry({ at }: { at: Date | null }) {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), 500);
    return () => clearInterval(timer);
  }, [now]);
  const seconds = at ? Math.ceil((at.getTime() - now.value) / 1000) : 0;
  return <span aria-hidden="true">{seconds > 0 ? `Next try in ${seconds} s.` : 'Trying …'}</span>;
}

// What was seen with it is to be gone, too.
function forgetToken(): void {
  take('', false);
  location.reload();
}

function Settings() {
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const closeOutside = ({ target }: Event): void => {
      if (menu.current?.open && target instanceof Node && !menu.current.contains(target)) menu.current.open = false;
    };
    for (const type of ['pointerdown', 'focusin']) document.addEventListener(type, closeOutside);
    return () => {
      for (const type of ['pointerdown', 'focusin']) document.removeEventListener(type, closeOutside);
    };
  }, []);
  function closeOnEscape(event: KeyboardEvent): void {
    if (event.key !== 'Escape' || !menu.current?.open) return;
    menu.current.open = false;
    menu.current.querySelector('summary')?.focus();
  }
  return (
    <details class="settings" ref={menu} onKeyDown={closeOnEscape}>
      <summary>Display</summary>
      <div class="panel">
        <Choice label="Colours" value={theme} choices={themes} />
        <Choice label="Lengths" value={lengthUnit} choices={lengthUnits} />
        <Choice label="Temperatures" value={temperatureUnit} choices={temperatureUnits} />
        <Choice label="Pressures" value={pressureUnit} choices={pressureUnits} />
        <Choice label="Flow rates" value={flowUnit} choices={flowUnits} />
        <p class="hint">Units are for display. The server is always sent SI.</p>
        {token.value && (
          <button type="button" onClick={forgetToken}>
            Forget the access token
          </button>
        )}
      </div>
    </details>
  );
}
