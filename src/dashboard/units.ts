// Display units. What is sent and kept is SI; only what is shown and typed is converted.

import { lengthUnit, temperatureUnit } from './settings';

export interface Unit {
  name: string;
  /** What a value in this unit is multiplied with to be SI: 10 to this power. */
  exponent: number;
  /** Added, in SI, after that. */
  offset: number;
}

const lengths: Record<'µm' | 'mm' | 'm', Unit> = {
  µm: { name: 'µm', exponent: -6, offset: 0 },
  mm: { name: 'mm', exponent: -3, offset: 0 },
  m: { name: 'm', exponent: 0, offset: 0 },
};

/**
 * The unit to show a quantity in, as the user has chosen.
 * @param si       its SI unit as the schema gives it, e.g. "m", "K", "Pa", "1"
 * @param typical  a value it has as a rule, by which "auto" picks a unit of length
 */
export function displayUnit(si: string, typical: number | null | undefined): Unit {
  if (si === 'm') return lengths[lengthUnit.value === 'auto' ? fitting(typical) : lengthUnit.value];
  if (si === 'K' && temperatureUnit.value === '°C') return { name: '°C', exponent: 0, offset: 273.15 };
  return { name: si === '1' ? '' : written(si), exponent: 0, offset: 0 };
}

/** "kg/m2" as it is printed: kg/m² */
function written(si: string): string {
  return si
    .replace(/(?<=[A-Za-z])[23]/g, (power) => (power === '2' ? '²' : '³'))
    .replaceAll('*', '·')
    .replace('Ohm', 'Ω')
    .replace('degC', '°C')
    .replace('%RH', '% RH');
}

function fitting(typical: number | null | undefined): 'µm' | 'mm' | 'm' {
  const size = Math.abs(typical ?? 1);
  if (size === 0 || size >= 1) return 'm';
  return size < 1e-3 ? 'µm' : 'mm';
}

/** Without the last digits, in which a conversion leaves its traces. */
const rounded = (value: number): number => Number(value.toPrecision(13));

export function fromSi(value: number, unit: Unit): number {
  if (unit.exponent === 0 && unit.offset === 0) return value;
  return rounded((value - unit.offset) / 10 ** unit.exponent);
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
