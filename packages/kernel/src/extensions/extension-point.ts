/** What stands behind an extension point and uses its items. */
export interface ExtensionConsumer<T> {
  /** Throws when it could not work with these items; then nothing is changed. */
  check?(items: readonly T[]): void;
  /** Works with these items from now on. Does not throw. The promise resolves when the items that are gone are out of use. */
  apply(items: readonly T[]): void | Promise<void>;
}

/** What one change takes away from and adds to a point. */
export interface ExtensionChange<T> {
  readonly remove: readonly T[];
  readonly add: readonly T[];
}

/** A place where modules and plugins add things of one kind while the runtime works. Items keep their order; a replacement takes the place of what it replaces. */
export class ExtensionPoint<T> {
  readonly name: string;
  readonly #consumers = new Set<ExtensionConsumer<T>>();
  #items: readonly T[];

  constructor(name: string, items: readonly T[] = []) {
    this.name = name;
    this.#items = items;
  }

  get items(): readonly T[] {
    return this.#items;
  }

  /** The consumer gets the present items at once and every later change. */
  consume(consumer: ExtensionConsumer<T>): Disposable {
    consumer.check?.(this.#items);
    void consumer.apply(this.#items);
    this.#consumers.add(consumer);
    return { [Symbol.dispose]: () => void this.#consumers.delete(consumer) };
  }

  /** The items after a change; throws what a consumer's `check` throws. */
  preview({ remove, add }: ExtensionChange<T>): readonly T[] {
    const gone = new Set(remove);
    const at = this.#items.findIndex((item) => gone.has(item));
    const kept = this.#items.filter((item) => !gone.has(item));
    const next = at < 0 ? [...kept, ...add] : kept.toSpliced(at, 0, ...add);
    for (const consumer of this.#consumers) consumer.check?.(next);
    return next;
  }

  /** Makes previewed items the present ones. @returns a promise that resolves when the items that are gone are out of use. */
  commit(items: readonly T[]): Promise<void> {
    this.#items = items;
    return Promise.all([...this.#consumers].map(async (consumer) => consumer.apply(items))).then(() => undefined);
  }
}
