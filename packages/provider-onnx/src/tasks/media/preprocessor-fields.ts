import { GolekError } from '@golek/providers-spi';
import { isObject, numberField, textField, type JsonObject } from '../../text/json-fields.ts';

/** More pixels in a row have no meaning in a file. */
const MAX_SIDE = 65_536;

/** preprocessor_config.json with the option `preprocessor` laid over it. What cannot be understood is refused with the field, its value and the remedy. */
export class PreprocessorFields {
  readonly #model: string;
  readonly #fields: JsonObject;

  constructor(model: string, fields: JsonObject) {
    this.#model = model;
    this.#fields = fields;
  }

  /** Class of the processor in Hugging Face's transformers, without what they all end with; '' where the file does not say. */
  get processor(): string {
    const type = textField(this.#fields, 'image_processor_type') ?? textField(this.#fields, 'feature_extractor_type');
    return (type ?? '').replace(/(ImageProcessor(Fast|Pil)?|FeatureExtractor)$/, '');
  }

  get names(): readonly string[] {
    return Object.keys(this.#fields);
  }

  refuse(code: 'unsupported' | 'model_invalid', problem: string): never {
    throw new GolekError(
      code,
      `preprocessor_config.json of model '${this.#model}' ${problem}; the option 'preprocessor' overrides its fields, and the option 'task: tensor' leaves pictures to the caller`,
      { details: { option: 'preprocessor', model: this.#model } },
    );
  }

  /** Undefined for null, too: files have it for what is not set. */
  value(key: string): unknown {
    return this.#fields[key] ?? undefined;
  }

  number(key: string): number | undefined {
    return numberField(this.#fields, key);
  }

  isOn(key: string, otherwise: boolean): boolean {
    const value = this.value(key) ?? otherwise;
    return typeof value === 'boolean'
      ? value
      : this.refuse('model_invalid', `has ${told(key, value)}, which is not true or false`);
  }

  /** A number of pixels. */
  side(key: string, value: unknown): number {
    return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MAX_SIDE
      ? value
      : this.refuse('model_invalid', `has ${told(key, value)}, which is no number of pixels`);
  }

  /** A number for a square, or an object with width and height. */
  size(key: string, value: unknown): { readonly width: number; readonly height: number } {
    const { width, height } = isObject(value) ? value : { width: value, height: value };
    const name = isObject(value) ? `${key}.` : '';
    return {
      width: this.side(name === '' ? key : `${name}width`, width),
      height: this.side(name === '' ? key : `${name}height`, height),
    };
  }

  /** One number for all channels or one for each. */
  channels(key: string, count: number): readonly number[] {
    const value = this.value(key);
    const all: readonly unknown[] = Array.isArray(value) ? value : [value];
    const numbers = all.filter((one): one is number => typeof one === 'number' && Number.isFinite(one));
    if (numbers.length !== all.length || (numbers.length !== 1 && numbers.length !== count))
      this.refuse('model_invalid', `normalises, and has ${told(key, value)}; the graph takes ${count} channels`);
    return Array.from({ length: count }, (_, channel) => numbers[channel] ?? numbers[0] ?? 0);
  }
}

/** A field and its value, for messages. */
const told = (key: string, value: unknown): string =>
  value === undefined ? `no '${key}'` : `'${key}' ${JSON.stringify(value)}`;
