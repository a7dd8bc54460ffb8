// What no schema can say and the document says in words, worked out here without the server.

const SUM_TOLERANCE = 1e-6;
const SUM_WORDS = /AM, CA, PVDF and solvent sum to 1 within 1e-6/;
const STEPS_WORDS = /Sets the length of the run, which may have (\d+) steps/;

// Steps by the machine and its field that sets them: docs/models.md and docs/reference-models.md. The cell is pouch_5Ah:
// 100 m of web are coated, 2.666 m of electrode on two faces are wound.
const STEPS = {
  mechanistic: {
    'coating.coating_speed': (speed) => 100 / speed / 20,
    'drying.web_speed': (speed) => 10 / speed,
    'calendaring.roll_speed': (speed) => 100 / speed / 20,
    'slitting.slitting_speed': (speed) => 100 / speed / 20,
    'rewinding.rewinding_speed': (speed) => 2.666 / 2 / speed,
    'electrolyte_filling.soaking_time': (time) => time / 60,
    'formation_cycling.formation_duration_s': (time) => time / 60,
    'aging.aging_time_days': (time) => time * 24,
  },
  reference: {
    'drying.web_speed': (speed) => 10 / speed,
    'electrolyte_filling.soaking_time': (time) => time,
    'formation_cycling.formation_duration_s': (time) => time + 1,
    'aging.aging_time_days': (time) => time * 24,
  },
};

// "drying.web_speed", of a field in the schema of a machine's group.
const ruleOf = (schema, field) => `${schema.title.replace(/_[a-z]+$/, '')}.${field}`;

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
      const rule = ruleOf(schema, name);
      const steps = STEPS[this.#models][rule](given[name]);
      if (Math.abs(steps - most) <= 1) found.unclear = true;
      else if (steps > most) this.#break(`steps by ${rule}`, [...loc, name], found);
    }
  }

  // The fields that the document says such of, with their machines.
  fieldsOfSteps() {
    const { schemas } = this.#document.json.components;
    const rules = schemas.ParametersChange.anyOf
      .map((group) => schemas[group.$ref.split('/').pop()])
      .flatMap((schema) => Object.entries(schema.properties ?? {})
        .filter(([, property]) => STEPS_WORDS.test(property.description))
        .map(([name]) => ruleOf(schema, name)));
    return [...new Set(rules)];
  }

  formulas() {
    return Object.keys(STEPS[this.#models]);
  }

  #break(rule, loc, found) {
    this.used.set(rule, (this.used.get(rule) ?? 0) + 1);
    found.push(loc);
  }
}
