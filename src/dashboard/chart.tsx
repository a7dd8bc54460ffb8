// A trend chart with a table view.

import './chart.css';
import 'uplot/dist/uPlot.min.css';

import { useSignal } from '@preact/signals';
import { useEffect, useId, useMemo, useRef } from 'preact/hooks';
import type uPlot from 'uplot';

import { Icon } from './icons';
import { format } from './units';

export interface Series {
  label: string;
  /** Where x has no value of it: null, drawn as a gap. */
  values: (number | null)[];
}

export interface ChartProps {
  title: string;
  /** Of all series, as displayed. */
  unit: string;
  xLabel: string;
  x: number[];
  series: Series[];
  height?: number;
}

/** As many as there are colours (chart.css: .series-1 …). */
export const MOST_SERIES = 8;
const SOLID = 4; // the others are dashed as well
const DASHES = [[8, 4], [2, 3], [10, 3, 2, 3], [4, 4]];
const MOST_ROWS = 400; // in the table

export function Chart({ title, unit, xLabel, x, series: all, height = 220 }: ChartProps) {
  const series = all.slice(0, MOST_SERIES);
  const asTable = useSignal(false);
  const heading = useId();
  const summary = useMemo(() => series.map((one) => summed(one, unit)).join('. '), [x, all, unit]);
  return (
    <figure class="chart" aria-labelledby={heading}>
      <figcaption>
        <span id={heading}>{unit ? `${title} (${unit})` : title}</span>
        <button
          type="button"
          class="quiet"
          aria-label={`${asTable.value ? 'Show as chart' : 'Show as table'}: ${title}`}
          onClick={() => (asTable.value = !asTable.value)}
        >
          <Icon name="table" /> {asTable.value ? 'Show as chart' : 'Show as table'}
        </button>
      </figcaption>
      <p class="unseen">{summary}</p>
      {asTable.value ? (
        <Table title={title} unit={unit} xLabel={xLabel} x={x} series={series} />
      ) : (
        <Plot title={title} unit={unit} xLabel={xLabel} x={x} series={series} height={height} />
      )}
    </figure>
  );
}

/** For who cannot see it. */
function summed({ label, values }: Series, unit: string): string {
  let least = Infinity;
  let most = -Infinity;
  let last: number | null = null;
  for (const value of values) {
    if (value === null) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
    last = value;
  }
  if (last === null) return `${label}: no values`;
  return `${label}: lowest ${format(least)}, highest ${format(most)}, last ${format(last)} ${unit}`.trimEnd();
}

function Plot({ title, unit, xLabel, x, series, height }: Required<ChartProps>) {
  const target = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLUListElement>(null);
  const plot = useRef<uPlot | null>(null);
  const cursor = useSignal<number | null>(null);
  // Another plot only where another is needed; new values go into the one that is there.
  const kind = `${series.map((one) => one.label).join('\n')}\n\n${xLabel}`;

  const newest = useRef<uPlot.AlignedData>([[]]);
  newest.current = data(x, series);
  const missing = useSignal(false);

  useEffect(() => {
    const element = target.current;
    if (!element) return;
    let end = (): void => undefined;
    let gone = false;
    import('uplot').then(
      ({ default: UPlot }) => {
        if (gone) return;
        const made = new UPlot(options(element, legend.current, series, xLabel, height, cursor), newest.current, element);
        plot.current = made;
        const resized = new ResizeObserver(() => {
          if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height });
        });
        resized.observe(element);
        const themed = onTheme(() => made.redraw(false));
        end = () => {
          themed();
          resized.disconnect();
          made.destroy();
          plot.current = null;
        };
      },
      () => (missing.value = true),
    );
    return () => {
      gone = true;
      end();
    };
  }, [kind, height]);

  useEffect(() => {
    plot.current?.setData(newest.current);
  }, [x, series]);

  const at = cursor.value !== null && cursor.value < x.length ? cursor.value : null;
  const values = series.map((one) => (at === null ? last(one.values) : one.values[at]));
  const spoken = (): string =>
    at === null
      ? 'Arrow keys go through the values'
      : `${xLabel} ${format(x[at])}: ${series.map((one, index) => `${one.label} ${format(values[index])} ${unit}`.trimEnd()).join(', ')}`;
  return (
    <>
      {missing.value && <p class="hint">The chart cannot be drawn: a part of the dashboard could not be loaded.</p>}
      <div
        ref={target}
        class="plot"
        style={{ minHeight: `${height}px` }}
        tabIndex={0}
        role="slider"
        aria-label={`Values of ${title}`}
        aria-valuemin={x[0] ?? 0}
        aria-valuemax={x.at(-1) ?? 0}
        aria-valuenow={at === null ? (x[0] ?? 0) : x[at]}
        aria-valuetext={spoken()}
        onKeyDown={(event) => {
          const to = moved(event.key, at, x.length);
          if (to === undefined || !plot.current) return;
          event.preventDefault();
          point(plot.current, nearest(plot.current, to, to < (at ?? x.length) ? -1 : 1));
        }}
        onBlur={() => plot.current && point(plot.current, null)}
      />
      <ul ref={legend} class="legend">
        <li class="dim">{at === null ? 'Last' : `${xLabel} ${format(x[at])}`}</li>
        {series.map((one, index) => (
          <li key={one.label}>
            <svg class={`series-${index + 1}`} viewBox="0 0 24 4" width="24" height="4" aria-hidden="true">
              <path d="M0 2h24" stroke="currentColor" stroke-width="2.5" stroke-dasharray={dash(index)?.join(' ')} />
            </svg>
            {one.label} <b>{format(values[index])}</b>
          </li>
        ))}
      </ul>
    </>
  );
}

const dash = (index: number): number[] | undefined => (index < SOLID ? undefined : DASHES[index - SOLID]);
const data = (x: number[], series: Series[]): uPlot.AlignedData => [x, ...series.map((one) => one.values)];

function last(values: Series['values']): number | null {
  for (let index = values.length - 1; index >= 0; index--) if (values[index] != null) return values[index] ?? null;
  return null;
}

/** Which value is next, undefined for a key that means nothing here. */
function moved(key: string, at: number | null, count: number): number | undefined {
  if (count === 0) return undefined;
  const big = Math.max(1, Math.round(count / 20));
  const from = at ?? (key === 'ArrowRight' || key === 'PageUp' ? -1 : count);
  const to: Record<string, number> = {
    ArrowLeft: from - 1,
    ArrowRight: from + 1,
    PageDown: from - big,
    PageUp: from + big,
    Home: 0,
    End: count - 1,
  };
  const found = to[key];
  return found === undefined ? undefined : Math.min(count - 1, Math.max(0, found));
}

/** From there on in that direction, or else the other, the first x that any series has a value of. */
function nearest(plot: uPlot, from: number, direction: 1 | -1): number {
  const [x, ...series] = plot.data;
  const has = (index: number): boolean => series.some((values) => values[index] != null);
  for (let to = from; to >= 0 && to < x.length; to += direction) if (has(to)) return to;
  for (let to = from; to >= 0 && to < x.length; to -= direction) if (has(to)) return to;
  return from;
}

function point(plot: uPlot, index: number | null): void {
  const x = index === null ? undefined : plot.data[0][index];
  if (x === undefined) plot.setCursor({ left: -10, top: -10 });
  else plot.setCursor({ left: plot.valToPos(x, 'x'), top: plot.over.clientHeight / 2 });
}

// The colours are the style sheet's: as the theme has them now, at each drawing.
function options(
  element: HTMLElement,
  legend: HTMLElement | null,
  series: Series[],
  xLabel: string,
  height: number,
  cursor: { value: number | null },
): uPlot.Options {
  const text = (): string => getComputedStyle(element).color;
  const lines = (): string => getComputedStyle(element).borderTopColor;
  const stroke = (index: number) => (): string => {
    const sample = legend?.querySelector(`.series-${index + 1}`);
    return sample ? getComputedStyle(sample).color : text();
  };
  const font = '12px system-ui, sans-serif';
  const axis: uPlot.Axis = { stroke: text, font, grid: { stroke: lines, width: 1 }, ticks: { stroke: lines, width: 1, size: 4 } };
  const numbers = (_: uPlot, splits: number[]): string[] => splits.map((value) => format(value));
  return {
    width: element.clientWidth || 300,
    height,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false, setScale: false } },
    scales: { x: { time: false } },
    axes: [
      { ...axis, values: numbers, label: xLabel, labelFont: font, labelSize: 18, labelGap: 0, size: 24, gap: 2 },
      {
        ...axis,
        values: numbers,
        gap: 4,
        size: (_, values) => 14 + 7 * Math.max(3, ...(values ?? []).map((value) => value.length)),
      },
    ],
    series: [
      {},
      ...series.map((one, index): uPlot.Series => {
        const dashes = dash(index);
        return {
          label: one.label,
          stroke: stroke(index),
          width: 1.75,
          pxAlign: 0, // rounded to pixels, a line of many points would wobble
          ...(dashes ? { dash: dashes } : {}),
          points: { size: 4, stroke: stroke(index), fill: stroke(index), filter: alone },
        };
      }),
    ],
    hooks: {
      setCursor: [
        (plot) => {
          const index = plot.cursor.idx ?? null;
          cursor.value = index === null ? null : nearest(plot, index, -1);
        },
      ],
    },
  };
}

/** A value between two gaps is no line: it is drawn as a point. */
function alone(plot: uPlot, index: number, show: boolean): number[] | null {
  if (show) return null;
  const values = plot.data[index] ?? [];
  const found: number[] = [];
  for (let i = 0; i < values.length; i++)
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i);
  return found;
}

function onTheme(changed: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const chosen = new MutationObserver(changed);
  system.addEventListener('change', changed);
  chosen.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  return () => {
    system.removeEventListener('change', changed);
    chosen.disconnect();
  };
}

function Table({ title, unit, xLabel, x, series }: Omit<ChartProps, 'height'>) {
  const every = Math.ceil(x.length / MOST_ROWS) || 1;
  const rows = x.map((_, index) => index).filter((index) => index % every === 0 || index === x.length - 1);
  return (
    <>
      {every > 1 && (
        <p class="hint">
          One value in {every} is shown, of {x.length}. The batch's CSV has all of them.
        </p>
      )}
      <div class="scroll rows" tabIndex={0} role="region" aria-label={`Table of ${title}`}>
        <table>
          <thead>
            <tr>
              <th scope="col" class="number">
                {xLabel}
              </th>
              {series.map((one) => (
                <th key={one.label} scope="col" class="number">
                  {unit ? `${one.label} (${unit})` : one.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((index) => (
              <tr key={index}>
                <th scope="row" class="number">
                  {format(x[index])}
                </th>
                {series.map((one) => (
                  <td key={one.label} class="number">
                    {format(one.values[index])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
