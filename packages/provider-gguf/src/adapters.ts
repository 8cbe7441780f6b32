import { GolekError, type AdapterChoice, type GenerateRequest } from '@golek/providers-spi';
import type { Adapter, AdapterSwitch, AppliedAdapter } from './binding.ts';
import type { EngineModel } from './engine.ts';
import type { GgufFile } from './gguf-file.ts';
import { checkAdapter } from './lora-file.ts';
import type { AdapterSource } from './options.ts';

type Sources = Readonly<Record<string, AdapterSource>>;

/** An adapter's file that fits the base model. */
type AdapterFile = Pick<GgufFile, 'path' | 'sizeBytes'>;

/** The adapters' files, when all fit the base model, by name. Throws `model_not_found`, `model_invalid` or `unsupported` with the adapter's name. */
export const checkAdapters = async (
  sources: Sources,
  base: GgufFile,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, AdapterFile>> => {
  const files = new Map<string, AdapterFile>();
  for (const [name, { path }] of Object.entries(sources)) {
    files.set(name, await checkAdapter(name, path, base, signal));
  }
  return files;
};

interface LoadedAdapter {
  readonly adapter: Adapter;
  /** Where a request names none. */
  readonly scale: number;
}

/** The LoRA adapters of an open model, and which of them the next step uses. */
export class Adapters {
  readonly #model: string;
  readonly #adapters: ReadonlyMap<string, LoadedAdapter>;

  private constructor(model: string, adapters: ReadonlyMap<string, LoadedAdapter>) {
    this.#model = model;
    this.#adapters = adapters;
  }

  static async load(
    name: string,
    model: EngineModel,
    sources: Sources,
    files: ReadonlyMap<string, AdapterFile>,
  ): Promise<Adapters> {
    const adapters = new Map<string, LoadedAdapter>();
    for (const [adapterName, { path }] of files) {
      const adapter = await model.loadAdapter(path).catch((cause: unknown) => {
        throw new GolekError('model_invalid', `the adapter '${adapterName}' of the model '${name}' cannot be loaded`, {
          cause,
          details: { adapter: adapterName, file: path },
        });
      });
      adapters.set(adapterName, { adapter, scale: sources[adapterName]?.scale ?? 1 });
    }
    return new Adapters(name, adapters);
  }

  get size(): number {
    return this.#adapters.size;
  }

  /** What requests with the same adapters and scales have in common; undefined for none. Throws `invalid_request` for an unknown or repeated name. */
  groupOf({ adapters = [] }: GenerateRequest): string | undefined {
    const seen = new Set<string>();
    const used = adapters.map((choice): readonly [string, number] => {
      if (seen.has(choice.name)) throw this.#refused(choice, 'is named twice');
      seen.add(choice.name);
      const known = this.#adapters.get(choice.name);
      if (!known) {
        const names = [...this.#adapters.keys()].map((name) => `'${name}'`).join(', ');
        throw this.#refused(choice, `is none of the adapters of the model '${this.#model}', which are: ${names}`);
      }
      return [choice.name, choice.scale ?? known.scale];
    });
    const applied = used.filter(([, scale]) => scale !== 0).sort(([one], [other]) => (one < other ? -1 : 1));
    return applied.length === 0 ? undefined : JSON.stringify(applied);
  }

  #refused({ name }: AdapterChoice, why: string): GolekError {
    return new GolekError('invalid_request', `the adapter '${name}' ${why}`, {
      details: { option: 'adapters', adapter: name, known: [...this.#adapters.keys()] },
    });
  }

  /** Makes the steps that follow use the adapters of a group, between two steps. */
  enter(context: AdapterSwitch, group: string | undefined): void {
    const applied = group === undefined ? [] : (JSON.parse(group) as readonly (readonly [string, number])[]);
    context.adapt(
      applied.flatMap(([name, scale]): AppliedAdapter[] => {
        const known = this.#adapters.get(name);
        return known ? [{ adapter: known.adapter, scale }] : [];
      }),
    );
  }
}
