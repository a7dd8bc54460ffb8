// Display units. What is sent and kept is SI; only what is shown and typed is converted.

import { flowUnit, lengthUnit, pressureUnit, temperatureUnit } from './settings';

export interface Unit {
  name: string;
  /** What a value in this unit is multiplied with to be SI: 10 to this power. */
  exponent: number;
  /** And divided by: 60 for what is counted in a minute. */
  divisor: number;
  /** Added, in SI, after that. */
  offset: number;
}

const unit = (name: string, exponent = 0, divisor = 1, offset = 0): Unit => ({ name, exponent, divisor, offset });

interface Choice {
  chosen: { value: string };
  units: Unit[];
  /** The unit that fits a value of that size. */
  fitting: (size: number) => string;
}

/** By SI unit: where there is a choice. */
const choices: Record<string, Choice> = {
  m: {
    chosen: lengthUnit,
    units: [unit('µm', -6), unit('mm', -3), unit('m')],
    fitting: (size) => (size === 0 || size >= 1 ? 'm' : size < 1e-3 ? 'µm' : 'mm'),
  },
  Pa: {
    chosen: pressureUnit,
    units: [unit('Pa'), unit('kPa', 3), unit('MPa', 6), unit('bar', 5)],
    fitting: (size) => (size < 1e3 ? 'Pa' : size < 1e6 ? 'kPa' : 'MPa'),
  },
  'm3/s': {
    chosen: flowUnit,
    units: [unit('m³/s'), unit('mL/min', -6, 60)],
    fitting: (size) => (size === 0 || size >= 1e-3 ? 'm³/s' : 'mL/min'),
  },
};

/**
 * The unit to show a quantity in, as the user has chosen.
 * @param si       its SI unit as the schema gives it, e.g. "m", "K", "Pa", "1"
 * @param typical  a value it has as a rule, by which "auto" picks a unit of length
 */
export function displayUnit(si: string, typical: number | null | undefined): Unit {
  const choice = choices[si];
  if (choice) {
    const chosen = choice.chosen.value;
    const name = chosen === 'auto' ? choice.fitting(Math.abs(typical ?? 1)) : chosen;
    return choice.units.find((one) => one.name === name) ?? unit(written(si));
  }
  if (si === 'K' && temperatureUnit.value === '°C') return unit('°C', 0, 1, 273.15);
  return unit(si === '1' ? '' : written(si));
}

/** What is shown is what is sent. */
export const isSi = ({ exponent, divisor, offset }: Unit): boolean => exponent === 0 && divisor === 1 && offset === 0;

/** "kg/m2" as it is printed: kg/m² */
function written(si: string): string {
  return si
    .replace(/(?<=[A-Za-z])[23]/g, (power) => (power === '2' ? '²' : '³'))
    .replaceAll('*', '·')
    .replace('Ohm', 'Ω')
    .replace('degC', '°C')
    .replace('%RH', '% RH');
}

/** Without the last digits, in which a conversion leaves its traces. */
const rounded = (value: number): number => Number(value.toPrecision(13));

export function fromSi(value: number, unit: Unit): number {
  if (isSi(unit)) return value;
  return rounded(((value - unit.offset) * unit.divisor) / 10 ** unit.exponent);
}

/** A number as people read it: about five digits, powers of ten only where needed. */
export function format(value: number | null | undefined, digits = 5): string {
  if (value === null || value === undefined) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-4) return value.toExponential(Math.max(0, digits - 2)).replace(/\.?0+e/, 'e').replace('e+', 'e');
  return String(Number(value.toPrecision(digits)));
}

/** A value with its unit as the user wants to see it, e.g. "250 µm". */
export function shown(value: number | boolean | null | undefined, si = '1', digits = 5): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  const unit = displayUnit(si, value);
  const text = format(fromSi(value, unit), digits);
  return unit.name ? `${text} ${unit.name}` : text;
}
