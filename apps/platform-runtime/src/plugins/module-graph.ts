import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { runnerOf, type ModuleScope } from './module-runner.ts';
import { moduleCode } from './module-code.ts';
import { importPackage, isPath, resolveFile, type Exports, type HostModules } from './module-imports.ts';

/** What an import stands for: a file of the graph, or what Node's own import gave. */
type Imported = { readonly file: string } | { readonly exports: Exports };

interface ModuleNode {
  /** Holder of the exports, as CommonJS has it; filled when it runs. */
  readonly module: { exports: Exports };
  readonly imports: ReadonlyMap<string, Imported>;
  readonly run: (scope: ModuleScope) => Promise<void>;
  running: Promise<void> | undefined;
}

/**
 * Runs a module and the files that it imports by path, anew: Node keeps every module that it ever imported, this lets go of them with the graph. Packages and Node's modules
 * come from Node, once for all graphs. docs/adr/0011 has the reasons and the measurements.
 */
export class ModuleGraph {
  readonly #host: HostModules;
  readonly #reads: (file: string) => void;
  readonly #reading = new Map<string, Promise<ModuleNode>>();
  readonly #nodes = new Map<string, ModuleNode>();

  /** `reads` is told of every file that is read, or was to be read and is not there. */
  constructor(host: HostModules, reads: (file: string) => void = () => undefined) {
    this.#host = host;
    this.#reads = reads;
  }

  /** What the module exports. Throws `plugin_invalid` for text that is no module and for imports that lead nowhere, else what the module throws. */
  async load(file: string): Promise<Exports> {
    const queue = [file];
    const seen = new Set<string>();
    for (const next of queue) {
      if (seen.has(next)) continue;
      seen.add(next);
      const { imports } = await this.#node(next);
      for (const imported of imports.values()) if ('file' in imported) queue.push(imported.file);
    }
    await this.#evaluate(file, []);
    return (await this.#node(file)).module.exports;
  }

  #node(file: string): Promise<ModuleNode> {
    let node = this.#reading.get(file);
    if (!node) {
      this.#reads(file);
      this.#reading.set(file, (node = this.#read(file)));
    }
    return node;
  }

  async #read(file: string): Promise<ModuleNode> {
    const text = await readFile(file, 'utf8');
    const node: ModuleNode = file.endsWith('.json') ? jsonNode(text) : await this.#codeNode(text, file);
    this.#nodes.set(file, node);
    return node;
  }

  async #codeNode(text: string, file: string): Promise<ModuleNode> {
    const { body, specifiers } = await moduleCode(text, file);
    const run = runnerOf(body, file);
    const imports = new Map<string, Imported>();
    for (const specifier of specifiers) {
      const imported = isPath(specifier)
        ? { file: await resolveFile(specifier, file, this.#reads) }
        : { exports: await importPackage(specifier, file, this.#host) };
      imports.set(specifier, imported);
    }
    return { module: { exports: {} }, imports, run, running: undefined };
  }

  /** Runs what the module imports, then the module. A circle is entered where it was begun: an importer sees what is exported by then. */
  async #evaluate(file: string, importers: readonly string[]): Promise<void> {
    if (importers.includes(file)) return;
    const node = await this.#node(file);
    const running = async (): Promise<void> => {
      for (const imported of node.imports.values()) {
        if ('file' in imported) await this.#evaluate(imported.file, [...importers, file]);
      }
      await node.run(this.#scope(node, file));
    };
    await (node.running ??= running());
  }

  #scope({ module, imports }: ModuleNode, file: string): ModuleScope {
    return {
      module,
      require: (specifier) => {
        const imported = imports.get(specifier);
        if (!imported) return createRequire(file)(specifier) as unknown;
        return 'exports' in imported ? imported.exports : this.#nodes.get(imported.file)?.module.exports;
      },
      importModule: async (specifier) =>
        isPath(specifier)
          ? this.load(await resolveFile(specifier, file, this.#reads))
          : importPackage(specifier, file, this.#host),
    };
  }
}

const jsonNode = (text: string): ModuleNode => ({
  module: { exports: { __esModule: true, default: JSON.parse(text) as unknown } },
  imports: new Map(),
  run: () => Promise.resolve(),
  running: undefined,
});
