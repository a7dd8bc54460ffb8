// What is typed, read digit by digit: 250 µm are sent as 0.00025 and 80 °C as 353.15, without traces of a multiplication.

import type { Unit } from './units';

const number = /^([+-]?)(\d+(?:[.,]\d*)?|[.,]\d+)(?:e([+-]?\d+))?$/i;
/** One thousand, or one? People differ. */
const unclear = /^[+-]?[1-9]\d{0,2},\d{3}$/;

interface Decimal {
  /** With its sign, and a point. */
  digits: string;
  exponent: number;
}

function read(text: string): Decimal | null {
  const plain = text.trim().replace('−', '-');
  const match = number.exec(plain);
  if (!match || unclear.test(plain)) return null;
  return { digits: `${match[1] ?? ''}${(match[2] ?? '').replace(',', '.')}`, exponent: Number(match[3] ?? 0) };
}

/** Without the last digits, in which sums and what others computed leave their traces. */
export const clean = (value: number): number => Number(value.toPrecision(12));

/** The SI value of a number typed in that unit; null where the text is no number. A decimal comma is understood. */
export function siOf(text: string, unit: Unit): number | null {
  const found = read(text);
  if (!found) return null;
  const shifted = Number(`${found.digits}e${found.exponent + unit.exponent}`);
  if (!Number.isFinite(shifted)) return null;
  return unit.offset === 0 && unit.divisor === 1 ? shifted : clean(shifted / unit.divisor + unit.offset);
}

/** A value in that unit, as it can be typed. */
export function textOf(si: number, unit: Unit): string {
  const plain = unit.offset === 0 && unit.divisor === 1 ? si : clean((si - unit.offset) * unit.divisor);
  const found = read(String(plain));
  if (!found) return String(si);
  const value = clean(Number(`${found.digits}e${found.exponent - unit.exponent}`));
  return value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential() : String(value);
}
