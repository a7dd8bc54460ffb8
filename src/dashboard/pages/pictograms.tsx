// What a machine looks like, in outline on a 32 × 32 grid. A machine that is not here gets a box with a wheel.

const drawings: Record<string, string> = {
  // a vessel with a stirrer
  mixing: 'M6 9v15a4 4 0 0 0 4 4h12a4 4 0 0 0 4-4V9M3 9h26M16 3v18M10 21h12M10 17.5v7M22 17.5v7',
  // a slot die over the web on its roller
  coating: 'M11 2h10v5l-4 5h-2l-4-5ZM1 15.5h30M23 22.5a7 7 0 1 1-14 0 7 7 0 0 1 14 0Z',
  // the web through an oven
  drying: 'M4 4h24v14H4ZM1 22.5h30M10 26a2 2 0 1 1-4 0M26 26a2 2 0 1 1-4 0M10 7.5c-2 2.3 2 4.5 0 7M16 7.5c-2 2.3 2 4.5 0 7M22 7.5c-2 2.3 2 4.5 0 7',
  // the web between two rolls
  calendaring: 'M23 8.5a7 7 0 1 1-14 0 7 7 0 0 1 14 0ZM23 23.5a7 7 0 1 1-14 0 7 7 0 0 1 14 0ZM1 16h8M23 16h8M16 8.5h.01M16 23.5h.01',
  // round knives part the web
  slitting: 'M1 11h7v10H1M31 7h-9v7h9M31 18h-9v7h9M19 16a4.5 4.5 0 1 1-9 0 4.5 4.5 0 0 1 9 0ZM14.5 16h.01',
  // a lens
  inspection: 'M22 13a9 9 0 1 1-18 0 9 9 0 0 1 18 0ZM19.5 19.5 28 28M9 13l3 3 5.5-6',
  // a jelly roll and its web
  rewinding: 'M17 15a1.5 1.5 0 0 0-3 0 4 4 0 0 0 8 0 7 7 0 0 0-14 0 10 10 0 0 0 10 11h13',
  // a drop over a pouch
  electrolyte_filling: 'M16 2c3 3.7 4 5.3 4 7a4 4 0 0 1-8 0c0-1.7 1-3.3 4-7ZM7 16v13h18V16M7 22c3-2 6 2 9 0s6 2 9 0',
  // a cell that is charged
  formation_cycling: 'M7 6h18v23H7ZM12 3h8v3h-8ZM17.5 10 12 18.5h4L14.5 25l5.5-8.5h-4Z',
  // a cell and the time
  aging: 'M27 16a11 11 0 1 1-22 0 11 11 0 0 1 22 0ZM16 9v7l5 3',
};
const other = 'M4 4h24v24H4ZM20 16a4 4 0 1 1-8 0 4 4 0 0 1 8 0ZM16 8v4M16 20v4M8 16h4M20 16h4';

export function Pictogram({ machine }: { machine: string }) {
  return (
    <svg class="pictogram" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false">
      <path
        d={drawings[machine] ?? other}
        fill="none"
        stroke="currentColor"
        stroke-width="1.75"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
