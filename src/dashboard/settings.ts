// What the user has chosen for this browser.

import { effect, signal, type Signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';
export type LengthUnit = 'auto' | 'µm' | 'mm' | 'm';
export type TemperatureUnit = '°C' | 'K';
export type PressureUnit = 'auto' | 'Pa' | 'kPa' | 'MPa' | 'bar';
export type FlowUnit = 'auto' | 'm³/s' | 'mL/min';

function kept<T extends string>(name: string, choices: readonly T[], standard: T): Signal<T> {
  const key = `battery-twin.${name}`;
  const found = choices.find((choice) => choice === stored(key));
  const value = signal<T>(found ?? standard);
  effect(() => {
    try {
      localStorage.setItem(key, value.value);
    } catch {
      // A browser that keeps nothing asks again next time.
    }
  });
  return value;
}

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export const themes: readonly Theme[] = ['system', 'light', 'dark'];
export const lengthUnits: readonly LengthUnit[] = ['auto', 'µm', 'mm', 'm'];
export const temperatureUnits: readonly TemperatureUnit[] = ['°C', 'K'];
export const pressureUnits: readonly PressureUnit[] = ['auto', 'Pa', 'kPa', 'MPa', 'bar'];
export const flowUnits: readonly FlowUnit[] = ['auto', 'm³/s', 'mL/min'];

export const theme = kept('theme', themes, 'system');
export const lengthUnit = kept('length', lengthUnits, 'auto');
export const temperatureUnit = kept('temperature', temperatureUnits, '°C');
export const pressureUnit = kept('pressure', pressureUnits, 'auto');
export const flowUnit = kept('flow', flowUnits, 'auto');

effect(() => {
  document.documentElement.dataset['theme'] = theme.value;
});
