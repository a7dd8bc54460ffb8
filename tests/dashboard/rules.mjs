// What no schema can say and the document says in words, worked out here without the server.

const SUM_TOLERANCE = 1e-6;
const SUM_WORDS = /AM, CA, PVDF and solvent sum to 1 within 1e-6/;
const STEPS_WORDS = /Sets the length of the run, which may have (\d+) steps/;

// Steps by the field that sets them: docs/models.md and docs/reference-models.md. The cell is pouch_5Ah: 100 m of web
// are coated, 2.666 m of electrode on two faces are wound.
const STEPS = {
  mechanistic: {
    coating_speed: (speed) => 100 / speed / 20,
    web_speed: (speed) => 10 / speed,
    roll_speed: (speed) => 100 / speed / 20,
    slitting_speed: (speed) => 100 / speed / 20,
    rewinding_speed: (speed) => 2.666 / 2 / speed,
    soaking_time: (time) => time / 60,
    formation_duration_s: (time) => time / 60,
    aging_time_days: (time) => time * 24,
  },
  reference: {
    web_speed: (speed) => 10 / speed,
    soaking_time: (time) => time,
    formation_duration_s: (time) => time + 1,
    aging_time_days: (time) => time * 24,
  },
};

export const RATIOS = ['AM', 'CA', 'PVDF', 'solvent'];

// The places that break a rule, as `loc` of the answer. `unclear`: so near to a limit that rounding decides.
export class Rules {
  #document;
  #models;
  used = new Map(); // how often each rule was broken

  constructor(document, models) {
    this.#document = document;
    this.#models = models;
  }

  // `current`: the ratios that the machine is set to, for those that are not given.
  ofRatios(given, current, loc, found) {
    const values = RATIOS.map((name) => given[name] ?? given[`${name}_ratio`] ?? current?.[name]);
    const off = Math.abs(values.reduce((a, b) => a + b) - 1);
    if (Math.abs(off - SUM_TOLERANCE) < 1e-11) found.unclear = true;
    else if (off > SUM_TOLERANCE) this.#break('sum', loc, found);
  }

  // A body of a machine, or a group in a batch's body.
  ofGroup(group, given, current, loc, found) {
    const schema = this.#document.json.components.schemas[group];
    if (SUM_WORDS.test(schema.description)) {
      const nested = given.material_ratios;
      this.ofRatios(nested ?? given, current.material_ratios, nested ? [...loc, 'material_ratios'] : loc, found);
    }
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const said = STEPS_WORDS.exec(property.description);
      if (!said || given[name] === undefined) continue;
      const most = Number(said[1]);
      const steps = STEPS[this.#models][name](given[name]);
      if (Math.abs(steps - most) <= 1) found.unclear = true;
      else if (steps > most) this.#break(`steps by ${name}`, [...loc, name], found);
    }
  }

  // The fields that the document says such of.
  fieldsOfSteps() {
    const names = Object.values(this.#document.json.components.schemas)
      .flatMap((schema) => Object.entries(schema.properties ?? {}))
      .filter(([, property]) => STEPS_WORDS.test(property.description))
      .map(([name]) => name);
    return [...new Set(names)];
  }

  formulas() {
    return Object.keys(STEPS[this.#models]);
  }

  #break(rule, loc, found) {
    this.used.set(rule, (this.used.get(rule) ?? 0) + 1);
    found.push(loc);
  }
}
