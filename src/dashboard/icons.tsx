// Drawn by hand on a 16 × 16 grid, in the colour of the text beside them.

const paths = {
  on: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM6.5 5l5 3-5 3Z',
  off: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11Zm0 1.5a4 4 0 1 1 0 8 4 4 0 0 1 0-8Z',
  waiting: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM7.2 4h1.6v3.7l2.6 1.5-.8 1.4-3.4-2Z',
  done: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm-1 9.6L3.9 8 5 6.9l2 2 4-4 1.1 1.1Z',
  failed: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm-.8 3h1.6v4.6H7.2Zm0 5.6h1.6v1.6H7.2Z',
  cancelled: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM4.5 7.2h7v1.6h-7Z',
  warning: 'M8 1.5 15 14H1Zm-.8 4.6v4h1.6v-4Zm0 5v1.5h1.6v-1.5Z',
  close: 'm4 2.9 4 4 4-4L13.1 4l-4 4 4 4-1.1 1.1-4-4-4 4L2.9 12l4-4-4-4Z',
  tuned: 'M3 1.5h1.5v6.2a2.2 2.2 0 0 1 0 4.1v2.7H3v-2.7a2.2 2.2 0 0 1 0-4.1Zm8.5 0H13v2.7a2.2 2.2 0 0 1 0 4.1v6.2h-1.5V8.3a2.2 2.2 0 0 1 0-4.1Z',
  typed: 'M11.5 1.5 14.5 4.5 6 13 2 14 3 10Z',
  plus: 'M7.2 2.5h1.6v4.7h4.7v1.6H8.8v4.7H7.2V8.8H2.5V7.2h4.7Z',
  down: 'M7.2 1.5h1.6v6.6l2.6-2.6 1.1 1.1L8 11.1 3.5 6.6l1.1-1.1 2.6 2.6ZM2.5 13h11v1.5h-11Z',
  copy: 'M5 1.5h8.5V11H12V3H5ZM2.5 4.5H11v10H2.5Z',
  pause: 'M4 2.5h3v11H4Zm5 0h3v11H9Z',
  play: 'M4 2.2 13 8l-9 5.8Z',
  info: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM7.2 4.3h1.6v1.6H7.2Zm0 2.7h1.6v4.8H7.2Z',
  table: 'M1.5 2.5h13v11h-13ZM3 6.2v2h4.2v-2Zm5.8 0v2H13v-2ZM3 9.7V12h4.2V9.7Zm5.8 0V12H13V9.7Z',
  search: 'M7 1.5a5.5 5.5 0 0 1 4.4 8.8l3.1 3.1-1.1 1.1-3.1-3.1A5.5 5.5 0 1 1 7 1.5ZM7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z',
} as const;

export type IconName = keyof typeof paths;

/** Says nothing to a screen reader: the text beside it does. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path fill="currentColor" fill-rule="evenodd" d={paths[name]} />
    </svg>
  );
}
