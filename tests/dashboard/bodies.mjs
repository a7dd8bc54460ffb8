// Bodies made from a schema: good ones, and good ones with something done to them.

export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  // 0 to 1, by mulberry32
  real() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(n) {
    return Math.floor(this.real() * n);
  }

  oneIn(n) {
    return this.below(n) === 0;
  }

  pick(list) {
    return list[this.below(list.length)];
  }
}

// The next number that a double can hold.
export function next(value, up) {
  if (value === 0) return up ? Number.MIN_VALUE : -Number.MIN_VALUE;
  const bits = new BigInt64Array(new Float64Array([value]).buffer);
  bits[0] += value > 0 === up ? 1n : -1n;
  return new Float64Array(bits.buffer)[0];
}

const BOUNDS = ['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum'];

// A bound and its neighbours.
const atBounds = (schema) =>
  BOUNDS.filter((keyword) => keyword in schema)
    .map((keyword) => schema[keyword])
    .flatMap((bound) => [bound, next(bound, false), next(bound, true)]);

const OF_ANY_TYPE = [
  null, true, false, '0.5', '', 'NaN', 0, -0, 1, -1, 0.5, 1e300, -1e300, Infinity, -Infinity, [], [0.5], [null], {},
  { AM: 0.5 }, { gt: 0 },
];
const NAMES = [
  'unknown', '', ' ', 'constructor', '__proto__', 'toString', 'AM', 'AM_ratio', 'material_ratios', 'materialRatios',
  'gap_heigth', 'temperature', 'id', 'ID', 'seed', 'anode', 'cell', 'anode_mixing_param', 'cell_aging_params', 'ä',
];
const IDS = ['a', '0', '.', '-_.', 'batch.1_x-2', 'X'.repeat(64)];
const ODD_IDS = ['', 'X'.repeat(65), 'a b', 'a/b', 'a\n', '\n', 'ä', 'a\u0000', 'x'.repeat(3000), '\u{1F50B}', 'a%20'];
const ODD_SEEDS = [-1, 1.5, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, 2 ** 64, -(2 ** 63), 1e308, '1', -0, null, true, [1]];

// Quotients by which a sum of ratios misses 1.
const SUMS = [...Array(16).fill(1), 1 + 5e-7, 1 - 9e-7, 1 + 1.1e-6, 1 - 1.1e-6, 1.01, 0.5];

function set(object, name, value) {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

function remove(parent, name) {
  if (Array.isArray(parent)) parent.splice(Number(name), 1);
  else delete parent[name];
}

export class BodyMaker {
  #document;
  #random;
  #ids = 0;
  #eagerness = 1; // how likely is what need not be there

  constructor(document, random) {
    this.#document = document;
    this.#random = random;
  }

  good(schema) {
    this.#eagerness = this.#random.pick([0.1, 0.3, 0.6, 1]);
    return this.#make(schema);
  }

  // One time in three more than one thing is done, and one time in many nothing comes of it.
  bad(schema) {
    const holder = { body: this.good(schema) };
    do this.#spoil(holder, this.#boundsOf(schema));
    while (this.#random.oneIn(3));
    return holder.body;
  }

  // Each number of the schema at and beside its bounds and as what it is not, alone in its body.
  *fields(schema) {
    const { oneOf, properties } = this.#document.resolve(schema);
    for (const choice of oneOf ?? []) yield* this.fields(choice);
    for (const [name, property] of Object.entries(properties ?? {})) {
      const resolved = this.#document.resolve(property);
      if (resolved.properties) {
        for (const inner of this.fields(resolved)) yield { [name]: inner };
      } else {
        for (const value of [...atBounds(resolved), resolved.default, ...OF_ANY_TYPE])
          if (value !== undefined) yield { [name]: value };
      }
    }
  }

  // JSON as people and programs write it: numbers in several notations, members in any order.
  write(value) {
    if (Array.isArray(value)) return `[${value.map((one) => this.write(one)).join(',')}]`;
    if (typeof value === 'number') return this.#number(value);
    if (value === null || typeof value !== 'object') return JSON.stringify(value);
    const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${this.write(member)}`);
    if (this.#random.oneIn(4)) members.reverse();
    return `{${members.join(', ')}}`;
  }

  #number(value) {
    if (!Number.isFinite(value)) return value > 0 ? '1e400' : '-1e400';
    if (Object.is(value, -0)) return this.#random.pick(['-0', '-0.0']);
    if (!Number.isInteger(value) || Math.abs(value) >= 1e14 || !this.#random.oneIn(3)) return JSON.stringify(value);
    return this.#random.pick([`${value}.0`, `${value}e0`, `${value}.000E+00`, value === 0 ? '0e9' : `${value}0e-1`]);
  }

  #make(unresolved) {
    const schema = this.#document.resolve(unresolved);
    const choices = schema.oneOf ?? schema.anyOf;
    if (choices) return this.#make(this.#random.pick(choices));
    if (schema.enum) return this.#random.pick(schema.enum);
    const types = [schema.type].flat();
    if (types.includes('null') && this.#random.oneIn(4)) return null;
    switch (types[0]) {
      case 'object':
        return this.#object(schema);
      case 'string':
        return schema.pattern ? this.#id() : 'text';
      case 'boolean':
        return this.#random.oneIn(2);
      case 'integer':
        return Math.floor(this.#inside(schema));
      case 'number':
        return this.#inside(schema);
      default:
        throw new Error(`no body can be made from ${JSON.stringify(schema)}`);
    }
  }

  #object(schema) {
    const names = Object.keys(schema.properties);
    const made = {};
    for (const name of names) {
      if (schema.required?.includes(name) || this.#random.real() < this.#eagerness)
        made[name] = this.#make(schema.properties[name]);
    }
    const areRatios = names.length === 4 && names.every((name) => /^(AM|CA|PVDF|solvent)(_ratio)?$/.test(name));
    if (areRatios && !this.#random.oneIn(10)) Object.assign(made, this.#ratios(schema));
    return made;
  }

  // All four, or two of which one gives to the other what the machine is set to at first.
  #ratios({ properties, required }) {
    const names = Object.keys(properties);
    if (!required && this.#random.oneIn(4)) {
      const [giver, taker] = [names[0], names[1 + this.#random.below(3)]];
      const given = properties[giver].default * this.#random.real() * 0.9;
      return { [giver]: properties[giver].default - given, [taker]: properties[taker].default + given };
    }
    const weights = names.map(() => this.#random.real() + 1e-3);
    const sum = weights.reduce((a, b) => a + b) / this.#random.pick(SUMS);
    return Object.fromEntries(names.map((name, i) => [name, weights[i] / sum]));
  }

  // Another one each time: an id is taken once.
  #id() {
    const id = `${this.#random.pick(IDS)}${++this.#ids}`;
    return id.slice(-64);
  }

  #inside(schema) {
    const low = schema.minimum ?? schema.exclusiveMinimum;
    const high = schema.maximum ?? schema.exclusiveMaximum;
    const choices = [];
    if (schema.default !== undefined && schema.default !== null) choices.push(schema.default);
    if ('minimum' in schema) choices.push(schema.minimum);
    if ('maximum' in schema) choices.push(schema.maximum);
    if ('exclusiveMinimum' in schema) choices.push(next(schema.exclusiveMinimum, true));
    if ('exclusiveMaximum' in schema) choices.push(next(schema.exclusiveMaximum, false));
    const usual = schema['x-usual'];
    if (usual?.minimum !== undefined && usual?.maximum !== undefined)
      choices.push(usual.minimum + (usual.maximum - usual.minimum) * this.#random.real());
    const from = low ?? -1e6;
    const to = high ?? Math.max(1e6, from * 10);
    const evenly = from + (to - from) * (this.#random.real() || 0.5);
    const byMagnitude = Math.min(to, from + (to - from) * 10 ** (-12 * this.#random.real()));
    choices.push(evenly, byMagnitude, byMagnitude);
    return this.#random.pick(choices);
  }

  #boundsOf(schema) {
    const found = [];
    const look = (unresolved) => {
      const resolved = this.#document.resolve(unresolved);
      found.push(...atBounds(resolved));
      for (const part of [...(resolved.oneOf ?? []), ...(resolved.anyOf ?? []), ...Object.values(resolved.properties ?? {})])
        look(part);
    };
    look(schema);
    return [...new Set(found)];
  }

  #spoil(holder, bounds) {
    const places = [];
    const walk = (parent, name) => {
      places.push([parent, name]);
      const value = parent[name];
      if (value !== null && typeof value === 'object') for (const key of Object.keys(value)) walk(value, key);
    };
    walk(holder, 'body');
    // The root is all there is in an empty body, else it is spoilt seldom.
    const [parent, name] = places.length > 1 && !this.#random.oneIn(10)
      ? places[1 + this.#random.below(places.length - 1)] : places[0];
    const value = parent[name];
    const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
    const random = this.#random;
    const ways = [
      () => set(parent, name, structuredClone(random.pick(OF_ANY_TYPE))),
      () => set(parent, name, [value]),
      () => set(parent, name, isObject ? Object.values(value) : String(value)),
    ];
    if (parent !== holder) {
      ways.push(
        () => remove(parent, name),
        () => {
          remove(parent, name);
          set(parent, random.pick([`${name}s`, name.slice(1), name.toUpperCase(), `${name} `, name.replace('_', '-')]), value);
        },
      );
    }
    if (isObject) {
      const added = [
        () => set(value, random.pick(NAMES), structuredClone(random.pick(OF_ANY_TYPE))),
        () => set(value, 'material_ratios', { AM: 0.5 }),
        () => set(value, random.pick(['AM_ratio', 'solvent_ratio']), 0.5),
      ];
      ways.push(...added, ...added);
    }
    if (typeof value === 'number' && bounds.length > 0) {
      const crossed = () => set(parent, name, random.pick(bounds));
      ways.push(crossed, crossed, () => set(parent, name, -value), () => set(parent, name, value * 1e9));
    }
    if (name === 'id') ways.push(...Array(8).fill(() => set(parent, name, random.pick(ODD_IDS))));
    if (name === 'seed') ways.push(...Array(8).fill(() => set(parent, name, random.pick(ODD_SEEDS))));
    random.pick(ways)();
  }
}

// Not JSON, or JSON that says a thing twice: refused whatever the schema is.
export const NOT_JSON = [
  '', ' ', '{', '}', '{"seed": 1', "{'seed': 1}", '{"seed": 1,}', '{"seed": NaN}', '{"seed": 01}', '{"seed": +1}',
  '{"seed": .5}', '{"seed": 1} x', '{} {}', '// {}\n{}', 'undefined', '\ufeff{}', '{}\u0000', '{"seed": 1e999}',
  '{"id": "\ud800"}'.replace('\ud800', '\\ud800'), '{"id": "a\nb"}', '['.repeat(100), '['.repeat(65) + ']'.repeat(65),
];
export const TWICE = ['{"seed": 1, "seed": 1}', '{"anode_coating_params": {"gap_height": 1e-4, "gap_height": 1e-4}}'];
