import { GolekError, nearest, type JsonSchema } from '@golek/providers-spi';
import { repeated, type GrammarRules } from './gbnf.ts';
import {
  anyArray,
  anyBoolean,
  anyInteger,
  anyNull,
  anyNumber,
  anyObject,
  anyString,
  anyValue,
  arrayOf,
  exactValue,
  isEnforceableCount,
  objectOf,
  space,
  stringOfLength,
} from './json-grammar.ts';
import { integerWithin, numberWithin } from './json-number-grammar.ts';
import { objectWith, type Member } from './json-object-grammar.ts';
import { PatternNotEnforceable, patternContent } from './json-pattern-grammar.ts';
import { alternativesExclude } from './json-schema-overlap.ts';
import { STRING_FORMATS } from './json-string-formats.ts';

/** Keywords that say nothing about which values are valid. */
const ANNOTATIONS = new Set([
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'example',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'contentEncoding',
  'contentMediaType',
]);

const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;
type JsonType = (typeof TYPES)[number];

/** Keywords that are enforced, by the type of value that they are about. */
const KEYWORDS: Readonly<Record<'object' | 'array' | 'string' | 'number', readonly string[]>> = {
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
};
const COMBINERS = ['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf', '$ref'];
/** JSON Schema's others: who writes one has not misspelt another. */
const KNOWN_ELSEWHERE = new Set([
  'not',
  'if',
  'then',
  'else',
  'contains',
  'minContains',
  'maxContains',
  'uniqueItems',
  'additionalItems',
  'unevaluatedItems',
  'unevaluatedProperties',
  'minProperties',
  'maxProperties',
  'patternProperties',
  'propertyNames',
  'dependencies',
  'dependentRequired',
  'dependentSchemas',
  'multipleOf',
]);
const ENFORCED = new Set([...Object.values(KEYWORDS).flat(), ...COMBINERS]);

const MAX_DEPTH = 64;
const MAX_RULES = 20_000;
/** Copies that llama.cpp makes for bounded repetitions; each takes memory and time. */
const MAX_COPIES = 50_000;
/** Values of enums, and properties: llama.cpp follows all that may come next, in a time that grows with their square. */
const MAX_CHOICES = 5_000;
/** Characters of a property's name beside others: they are told apart by a rule for each character, inside one another. */
const MAX_NAME = 500;

type Schema = Readonly<Record<string, unknown>>;

/**
 * Turns a JSON Schema into rules that only valid JSON values match; returns the start of them. Objects get their properties in the order
 * of the schema. Where the schema leaves more open than a grammar can say, fewer values are allowed, never others: an object with
 * `properties` and no `additionalProperties` gets no further members.
 *
 * Throws `unsupported`, naming the keyword and where it is, for what a grammar cannot enforce, and `invalid_request` for what is no JSON
 * Schema.
 */
export const schemaRules = (rules: GrammarRules, schema: JsonSchema): string =>
  new SchemaConverter(rules, schema).value(schema, '#', 0);

class SchemaConverter {
  readonly #rules: GrammarRules;
  readonly #root: Schema;
  readonly #references = new Map<string, string>();
  /** References that are being followed without a value in between. */
  #following: string[] = [];
  #copies = 0;
  #choices = 0;

  constructor(rules: GrammarRules, root: Schema) {
    this.#rules = rules;
    this.#root = root;
  }

  value(node: unknown, at: string, depth: number): string {
    if (depth > MAX_DEPTH) throw refused('nesting', at, `is deeper than ${MAX_DEPTH}`);
    if (this.#rules.size > MAX_RULES) throw refused('size', at, `makes a grammar of more than ${MAX_RULES} rules`);
    if (node === true) return anyValue(this.#rules);
    if (node === false) throw refused('false', at, 'allows no value');
    if (typeof node !== 'object' || node === null || Array.isArray(node))
      throw wrong(at, 'must be an object or a boolean');
    const schema = node as Schema;
    this.#refuseUnknown(schema, at);
    if ('$ref' in schema) return this.#reference(schema, at, depth);
    if ('const' in schema || 'enum' in schema) return this.#values(schema, at);
    for (const combiner of ['anyOf', 'oneOf', 'allOf'] as const) {
      if (combiner in schema) return this.#combined(schema, combiner, at, depth);
    }
    const alternatives = this.#typesOf(schema, at).map((type) => this.#typed(type, schema, at, depth));
    return alternatives.length === 1 ? (alternatives[0] ?? '') : `(${alternatives.join(' | ')})`;
  }

  #refuseUnknown(schema: Schema, at: string): void {
    for (const [keyword, value] of Object.entries(schema)) {
      if (ENFORCED.has(keyword) || ANNOTATIONS.has(keyword) || keyword.startsWith('x-')) continue;
      if (keyword === 'uniqueItems' && value === false) continue;
      const hint = KNOWN_ELSEWHERE.has(keyword) ? undefined : nearest(keyword, ENFORCED);
      throw refused(keyword, at, `cannot be enforced${hint ? ` (did you mean '${hint}'?)` : ''}`);
    }
  }

  #requireAlone(schema: Schema, keyword: string, allowed: readonly string[], at: string): void {
    const other = Object.keys(schema).find((key) => ENFORCED.has(key) && key !== keyword && !allowed.includes(key));
    if (other !== undefined) throw refused(other, at, `cannot be enforced beside '${keyword}'`);
  }

  #reference(schema: Schema, at: string, depth: number): string {
    this.#requireAlone(schema, '$ref', [], at);
    const pointer = schema['$ref'];
    if (typeof pointer !== 'string') throw wrong(`${at}/$ref`, 'must be a string');
    if (this.#following.includes(pointer))
      throw wrong(`${at}/$ref`, `'${pointer}' refers to itself without a value in between`);
    const known = this.#references.get(pointer);
    if (known !== undefined) return known;
    const name = this.#rules.reserve();
    this.#references.set(pointer, name);
    this.#following.push(pointer);
    const target = this.#find(pointer, at);
    this.#rules.define(name, this.value(target, pointer, depth + 1));
    this.#following.pop();
    return name;
  }

  #find(pointer: string, at: string): unknown {
    if (pointer !== '#' && !pointer.startsWith('#/')) {
      throw refused(
        '$ref',
        at,
        `'${pointer}' is outside the schema; only references such as '#/$defs/name' can be followed`,
      );
    }
    let node: unknown = this.#root;
    for (const step of pointer.split('/').slice(1)) {
      const key = decodedStep(step, at).replaceAll('~1', '/').replaceAll('~0', '~');
      const next =
        typeof node === 'object' && node !== null && Object.hasOwn(node, key) ? (node as Schema)[key] : undefined;
      if (next === undefined) throw wrong(`${at}/$ref`, `'${pointer}' does not exist`);
      node = next;
    }
    return node;
  }

  #values(schema: Schema, at: string): string {
    this.#requireAlone(schema, 'const' in schema ? 'const' : 'enum', ['type', 'const', 'enum'], at);
    const listed = schema['enum'] ?? [schema['const']];
    if (!Array.isArray(listed) || listed.length === 0)
      throw wrong(`${at}/enum`, 'must be an array with at least one value');
    this.#choose('enum', listed.length, at);
    const types = 'type' in schema ? this.#typesOf(schema, at) : undefined;
    const allowed = listed.filter(
      (value: unknown) =>
        (!types || types.some((type) => isOfType(value, type))) &&
        (!('const' in schema) || JSON.stringify(value) === JSON.stringify(schema['const'])),
    );
    if (allowed.length === 0) throw wrong(at, 'allows no value: its enum, const and type exclude each other');
    return `(${allowed.map(exactValue).join(' | ')})`;
  }

  #combined(schema: Schema, combiner: 'anyOf' | 'oneOf' | 'allOf', at: string, depth: number): string {
    this.#requireAlone(schema, combiner, ['type'], at);
    const branches: unknown = schema[combiner];
    if (!Array.isArray(branches) || branches.length === 0)
      throw wrong(`${at}/${combiner}`, 'must be an array with at least one schema');
    if (combiner === 'allOf' && branches.length > 1)
      throw refused('allOf', at, 'of more than one schema cannot be enforced');
    // A type beside the combiner holds for each branch.
    const typed = branches.map((branch: unknown) => {
      if (!('type' in schema) || typeof branch !== 'object' || branch === null) return branch;
      if ('type' in branch || '$ref' in branch) throw refused('type', at, `cannot be enforced beside '${combiner}'`);
      return { type: schema['type'], ...branch };
    });
    if (combiner === 'oneOf' && !alternativesExclude(typed, (pointer) => this.#find(pointer, at))) {
      throw refused('oneOf', at, 'cannot be enforced where a value may match two of its schemas; use anyOf');
    }
    return `(${typed.map((branch, i) => this.value(branch, `${at}/${combiner}/${i}`, depth + 1)).join(' | ')})`;
  }

  /** The types that a value may have; without `type`, those that the other keywords are about. */
  #typesOf(schema: Schema, at: string): readonly (JsonType | 'any')[] {
    const declared = schema['type'];
    if (declared === undefined) {
      const about = (Object.keys(KEYWORDS) as (keyof typeof KEYWORDS)[]).filter((type) =>
        KEYWORDS[type].some((keyword) => keyword in schema),
      );
      return about.length > 0 ? about : ['any'];
    }
    const types: unknown[] = Array.isArray(declared) ? declared : [declared];
    const unknown = types.find((type) => !TYPES.includes(type as JsonType));
    if (unknown !== undefined || types.length === 0)
      throw wrong(`${at}/type`, `must be one or more of ${TYPES.join(', ')}`);
    return types as JsonType[];
  }

  #typed(type: JsonType | 'any', schema: Schema, at: string, depth: number): string {
    switch (type) {
      case 'any':
        return anyValue(this.#rules);
      case 'object':
        return this.#object(schema, at, depth);
      case 'array':
        return this.#array(schema, at, depth);
      case 'string':
        return this.#string(schema, at);
      case 'number':
      case 'integer':
        return this.#number(type, schema, at);
      case 'boolean':
        return anyBoolean(this.#rules);
      case 'null':
        return anyNull();
    }
  }

  #object(schema: Schema, at: string, depth: number): string {
    const { properties = {}, required = [], additionalProperties } = schema;
    if (typeof properties !== 'object' || properties === null || Array.isArray(properties))
      throw wrong(`${at}/properties`, 'must be an object');
    if (!Array.isArray(required) || required.some((name) => typeof name !== 'string'))
      throw wrong(`${at}/required`, 'must be an array of strings');
    // A value lies between an object and its members: references may go round through here.
    const outer = this.#following;
    this.#following = [];
    const needed = new Set(required as string[]);
    this.#choose('properties', new Set([...Object.keys(properties), ...needed]).size, at);
    const members: Member[] = Object.entries(properties as Schema).map(([name, property]) => ({
      name,
      value: this.value(property, `${at}/properties/${name}`, depth + 1),
      optional: !needed.has(name),
    }));
    const open = additionalProperties !== undefined && additionalProperties !== false;
    const others = open ? this.value(additionalProperties, `${at}/additionalProperties`, depth + 1) : undefined;
    this.#following = outer;
    for (const name of needed) {
      if (Object.hasOwn(properties, name)) continue;
      if (additionalProperties === false)
        throw wrong(`${at}/required`, `names '${name}', which additionalProperties forbids`);
      members.push({ name, value: others ?? anyValue(this.#rules), optional: false });
    }
    if (others !== undefined && members.some(({ name }) => name.length > MAX_NAME))
      throw refused('additionalProperties', at, `cannot be enforced beside a name of more than ${MAX_NAME} characters`);
    if (members.length > 0) return objectWith(this.#rules, members, others);
    if (others !== undefined)
      return objectOf(this.#rules, `${anyString(this.#rules)} ":" ${space(this.#rules)} ${others}`);
    return additionalProperties === false || 'properties' in schema
      ? `"{" ${space(this.#rules)} "}"`
      : anyObject(this.#rules);
  }

  #array(schema: Schema, at: string, depth: number): string {
    const { items, prefixItems, minItems, maxItems } = schema;
    const min = this.#count(minItems, `${at}/minItems`) ?? 0;
    const max = this.#count(maxItems, `${at}/maxItems`);
    if (max !== undefined && max < min) throw wrong(`${at}/maxItems`, `is less than minItems (${min})`);
    const outer = this.#following;
    this.#following = [];
    const item =
      items === undefined ? undefined : items === false ? false : this.value(items, `${at}/items`, depth + 1);
    let result: string;
    if (prefixItems !== undefined) {
      if (!Array.isArray(prefixItems)) throw wrong(`${at}/prefixItems`, 'must be an array');
      const fixed = prefixItems.map((each: unknown, i) => this.value(each, `${at}/prefixItems/${i}`, depth + 1));
      result = this.#tuple(fixed, item, min, max, at);
    } else if (item === undefined && minItems === undefined && maxItems === undefined) result = anyArray(this.#rules);
    else if (item === false) result = arrayOf(this.#rules, '""', 0, 0);
    else result = arrayOf(this.#rules, this.#rules.add(item ?? anyValue(this.#rules)), min, max);
    this.#following = outer;
    return result;
  }

  /** A tuple is written whole; JSON Schema would also allow shorter ones. */
  #tuple(
    fixed: readonly string[],
    item: string | false | undefined,
    min: number,
    max: number | undefined,
    at: string,
  ): string {
    if ((max ?? Infinity) < fixed.length)
      throw refused('maxItems', at, `below the ${fixed.length} prefixItems cannot be enforced`);
    if (item === false && min > fixed.length)
      throw wrong(`${at}/minItems`, 'asks for more items than items: false allows');
    const ws = space(this.#rules);
    const parts = fixed.flatMap((each, i) => (i === 0 ? [each] : [`"," ${ws}`, each]));
    if (typeof item === 'string' && fixed.length > 0) {
      const next = this.#rules.add(`"," ${ws} ${item}`);
      parts.push(repeated(next, Math.max(0, min - fixed.length), max === undefined ? undefined : max - fixed.length));
    } else if (min > fixed.length) throw refused('minItems', at, 'above the number of prefixItems needs items');
    return `"[" ${ws} ${parts.join(' ')} ${ws} "]"`;
  }

  #string(schema: Schema, at: string): string {
    const { minLength, maxLength, pattern, format } = schema;
    const min = this.#count(minLength, `${at}/minLength`);
    const max = this.#count(maxLength, `${at}/maxLength`);
    const used = ['pattern', 'format'].filter((keyword) => schema[keyword] !== undefined);
    if (used.length === 2 || (used.length === 1 && (min !== undefined || max !== undefined))) {
      const [keyword = ''] = used;
      const others = ['pattern', 'format', 'minLength', 'maxLength'].filter(
        (other) => other !== keyword && schema[other] !== undefined,
      );
      throw refused(keyword, at, `cannot be enforced together with ${others.join(' and ')}`);
    }
    if (max !== undefined && max < (min ?? 0)) throw wrong(`${at}/maxLength`, `is less than minLength (${min ?? 0})`);
    if (pattern !== undefined) return this.#pattern(pattern, at);
    if (format !== undefined) {
      const known = typeof format === 'string' ? STRING_FORMATS[format] : undefined;
      if (known === undefined) {
        throw refused(
          'format',
          at,
          `${JSON.stringify(format)} cannot be enforced; known are ${Object.keys(STRING_FORMATS).join(', ')}`,
        );
      }
      return this.#pattern(known, at);
    }
    return min === undefined && max === undefined ? anyString(this.#rules) : stringOfLength(this.#rules, min ?? 0, max);
  }

  #pattern(pattern: unknown, at: string): string {
    if (typeof pattern !== 'string') throw wrong(`${at}/pattern`, 'must be a string');
    try {
      return `"\\"" (${patternContent(this.#rules, pattern)}) "\\""`;
    } catch (cause) {
      if (!(cause instanceof PatternNotEnforceable)) throw cause;
      throw refused('pattern', at, `'${pattern}' cannot be enforced: it ${cause.message}`);
    }
  }

  #number(type: 'number' | 'integer', schema: Schema, at: string): string {
    if (!KEYWORDS.number.some((keyword) => schema[keyword] !== undefined)) {
      return type === 'integer' ? anyInteger(this.#rules) : anyNumber(this.#rules);
    }
    const bound = (keyword: string, none: number): number => {
      const value = schema[keyword] ?? none;
      if (typeof value !== 'number') throw wrong(`${at}/${keyword}`, 'must be a number');
      if (type === 'number' && Number.isFinite(value) && !Number.isInteger(value)) {
        throw refused(keyword, at, `${value} cannot be enforced for numbers: only whole bounds can`);
      }
      return value;
    };
    const [min, max] = [bound('minimum', -Infinity), bound('maximum', Infinity)];
    const [above, below] = [bound('exclusiveMinimum', -Infinity), bound('exclusiveMaximum', Infinity)];
    const result =
      type === 'integer'
        ? integerWithin({
            min: Math.max(Math.ceil(min), Math.floor(above) + 1),
            max: Math.min(Math.floor(max), Math.ceil(below) - 1),
          })
        : numberWithin({
            min: Math.max(min, above),
            max: Math.min(max, below),
            openMin: above >= min,
            openMax: below <= max,
          });
    if (result === undefined) throw wrong(at, 'allows no number: its bounds exclude each other');
    return `(${result})`;
  }

  #choose(keyword: 'enum' | 'properties', choices: number, at: string): void {
    this.#choices += choices;
    if (this.#choices > MAX_CHOICES)
      throw refused(
        keyword,
        at,
        `makes the schema too large: it has ${this.#choices} properties and values of enums; ${MAX_CHOICES} are the most`,
      );
  }

  #count(value: unknown, at: string): number | undefined {
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
      throw wrong(at, 'must be a whole number, at least 0');
    const keyword = at.slice(at.lastIndexOf('/') + 1);
    if (!isEnforceableCount(value))
      throw refused(keyword, at.slice(0, at.lastIndexOf('/')), `${value} cannot be enforced: 2000 is the most`);
    this.#copies += value;
    if (this.#copies > MAX_COPIES)
      throw refused(
        keyword,
        at.slice(0, at.lastIndexOf('/')),
        'makes the grammar too large; lower the limits of lengths and items',
      );
    return value;
  }
}

/** A step of a JSON pointer in a URI fragment. */
const decodedStep = (step: string, at: string): string => {
  try {
    return decodeURIComponent(step);
  } catch {
    throw wrong(`${at}/$ref`, `has '${step}', which is not percent-encoded; write '%25' for '%'`);
  }
};

const isOfType = (value: unknown, type: JsonType | 'any'): boolean => {
  switch (type) {
    case 'any':
      return true;
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return typeof value === type;
  }
};

const refused = (keyword: string, at: string, why: string): GolekError =>
  new GolekError('unsupported', `JSON Schema: '${keyword}' at ${at} ${why}`, {
    details: { option: 'output.json-schema', keyword, at },
  });

const wrong = (at: string, why: string): GolekError =>
  new GolekError('invalid_request', `JSON Schema: ${at} ${why}`, { details: { option: 'output.json-schema', at } });
