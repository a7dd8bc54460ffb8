// A link to a file that the server makes. A browser follows a link without the access token, so with one the file is
// fetched and then given to the user.

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

import { token } from './access';
import { saveBlob } from './save';
import { fetchFile, url } from './server';
import { Problem } from './ui';

interface DownloadProps {
  path: string;
  /** Of the file. */
  name: string;
  class?: string;
  label?: string;
  children: ComponentChildren;
}

export function Download({ path, name, label, children, ...rest }: DownloadProps) {
  const busy = useSignal(false);
  const problem = useSignal<unknown>(null);

  async function fetchIt(event: Event): Promise<void> {
    if (!token.peek()) return;
    event.preventDefault();
    if (busy.peek()) return;
    busy.value = true;
    problem.value = null;
    try {
      saveBlob(name, await fetchFile(path));
    } catch (error) {
      problem.value = error;
    }
    busy.value = false;
  }

  return (
    <>
      <a
        {...rest}
        href={url(path).href}
        download={name}
        aria-label={label}
        aria-busy={busy.value || undefined}
        onClick={(event) => void fetchIt(event)}
      >
        {children}
      </a>
      <Problem error={problem.value} />
    </>
  );
}
