// A trend chart with a table view.

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

export function Chart(props: ChartProps) {
  return <figure class="chart"><figcaption>{props.title}</figcaption></figure>;
}
