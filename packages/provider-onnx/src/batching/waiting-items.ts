/** On whose behalf something waits. */
export interface Claim {
  readonly tenant: string;
  /** Those of one caller are served in their order. */
  readonly caller: object;
  /** Among callers of a tenant, higher is sooner. */
  readonly priority: number;
}

/** What waits to be run with others. */
export interface Waiting {
  /** Tokens, at least 1. */
  readonly length: number;
  readonly claim: Claim;
}

export interface BatchLimits {
  /** Most tokens of a batch, padding included. One item may have more. */
  readonly maxTokens: number;
  readonly maxItems: number;
  /** Tokens of padding that are as expensive as another run. */
  readonly paddingTokens?: number;
}

interface Tagged<T> {
  readonly item: T;
  /** Place in the order among those of its tenant. */
  readonly tag: number;
}

interface Tenant<T> {
  /** By length class, each by tag. */
  readonly classes: Map<number, Tagged<T>[]>;
  /** Where each caller's next item will stand. */
  readonly callers: Map<object, number>;
  /** Tokens run for it, with what others had when it came as its start. */
  service: number;
  /** Tag of what was taken last: new callers start from there. */
  now: number;
  size: number;
}

/** A step of priority is worth so many tokens of work for others. */
const PRIORITY_TOKENS = 4_096;
/** Tenants that are remembered although nothing of them waits. */
const MOST_REMEMBERED = 1_024;
/** Each class of lengths is so much longer than the one before. */
const CLASS_GROWTH = Math.log(1.25);

const classOf = (length: number): number => (length < 8 ? length : Math.round(Math.log(length) / CLASS_GROWTH));

/**
 * Items that wait, grouped by length. The next one is of the tenant for which the fewest tokens were run; among a tenant's callers each has its turn
 * (start-time fair queueing), so that one that sends thousands of items keeps nobody waiting. Those of similar length go along, also of other tenants: they cost little
 * beside it.
 */
export class WaitingItems<T extends Waiting> {
  readonly #tenants = new Map<string, Tenant<T>>();
  readonly #tags = new Map<T, number>();
  readonly #exact: boolean;

  /** `exact`: items are grouped by their very length. */
  constructor(exact: boolean) {
    this.#exact = exact;
  }

  get size(): number {
    return this.#tags.size;
  }

  push(item: T): void {
    const { tenant: name, caller, priority } = item.claim;
    let tenant = this.#tenants.get(name);
    if (!tenant) {
      tenant = { classes: new Map(), callers: new Map(), service: this.#least(), now: 0, size: 0 };
      this.#tenants.set(name, tenant);
    }
    const start = Math.max(tenant.callers.get(caller) ?? 0, tenant.now);
    tenant.callers.set(caller, start + item.length);
    const tag = start - priority * PRIORITY_TOKENS;
    const key = this.#class(item.length);
    let waiting = tenant.classes.get(key);
    if (!waiting) tenant.classes.set(key, (waiting = []));
    let [low, high] = [0, waiting.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((waiting[middle] as Tagged<T>).tag <= tag) low = middle + 1;
      else high = middle;
    }
    waiting.splice(low, 0, { item, tag });
    tenant.size++;
    this.#tags.set(item, tag);
  }

  /** Takes an item out that shall not run. False when it does not wait. */
  remove(item: T): boolean {
    const tenant = this.#tenants.get(item.claim.tenant);
    const waiting = tenant?.classes.get(this.#class(item.length));
    const index = waiting ? waiting.findIndex((entry) => entry.item === item) : -1;
    if (!tenant || !waiting || index < 0) return false;
    this.#takeAt(tenant, waiting, index);
    this.#tidy();
    return true;
  }

  /** Takes the next batch out: never empty while something waits. */
  take({ maxTokens, maxItems, paddingTokens = 0 }: BatchLimits): T[] {
    const first = this.#next(undefined);
    if (!first) return [];
    const batch = [this.#serve(first)];
    let longest = first.entry.item.length;
    const fits = (more: number, length: number): boolean =>
      batch.length + more <= maxItems && (batch.length + more) * length <= maxTokens;
    const own = this.#class(longest);
    for (
      let next = this.#next(own);
      next && fits(1, Math.max(longest, next.entry.item.length));
      next = this.#next(own)
    ) {
      longest = Math.max(longest, next.entry.item.length);
      batch.push(this.#serve(next));
    }
    // Nearest lengths first, as they cost the least padding. All of a class or none: what stays behind needs a run of its own anyway.
    for (const key of this.#exact ? [] : this.#classesNear(own)) {
      const lengths = this.#lengths(key, Math.min(maxItems, Math.floor(maxTokens / longest)) - batch.length);
      const length = lengths.reduce((most, one) => Math.max(most, one), longest);
      const padded = lengths.reduce((sum, one) => sum + length - one, (length - longest) * batch.length);
      if (padded > paddingTokens || !fits(lengths.length, length)) continue;
      longest = length;
      for (let left = lengths.length; left > 0; left--) {
        const next = this.#next(key);
        if (next) batch.push(this.#serve(next));
      }
    }
    this.#tidy();
    return batch;
  }

  /** Takes everything out. */
  clear(): T[] {
    const all = [...this.#tags.keys()];
    this.#tags.clear();
    this.#tenants.clear();
    return all;
  }

  #class(length: number): number {
    return this.#exact ? length : classOf(length);
  }

  /** The other classes of which something waits. */
  #classesNear(key: number): number[] {
    const keys = new Set([...this.#tenants.values()].flatMap(({ classes }) => [...classes.keys()]));
    keys.delete(key);
    return [...keys].sort((one, other) => Math.abs(one - key) - Math.abs(other - key) || one - other);
  }

  /** The lengths of all that wait in a class; none where they are more than `most`. */
  #lengths(key: number, most: number): number[] {
    const waiting = [...this.#tenants.values()].flatMap(({ classes }) => {
      const own = classes.get(key);
      return own ? [own] : [];
    });
    if (waiting.reduce((sum, { length }) => sum + length, 0) > most) return [];
    return waiting.flatMap((items) => items.map(({ item }) => item.length));
  }

  /** The next item: of the tenant with the least service, that with the least tag; of one class only where one is named. */
  #next(key: number | undefined): { tenant: Tenant<T>; waiting: Tagged<T>[]; entry: Tagged<T> } | undefined {
    let best: { tenant: Tenant<T>; waiting: Tagged<T>[]; entry: Tagged<T> } | undefined;
    for (const tenant of this.#tenants.values()) {
      if (best && best.tenant.service <= tenant.service) continue;
      let found: Tagged<T> | undefined;
      let where: Tagged<T>[] | undefined;
      const candidates = key === undefined ? tenant.classes.values() : [tenant.classes.get(key) ?? []];
      for (const waiting of candidates) {
        const [head] = waiting;
        if (!head || (found && found.tag <= head.tag)) continue;
        found = head;
        where = waiting;
      }
      if (found && where) best = { tenant, waiting: where, entry: found };
    }
    return best;
  }

  #serve({ tenant, waiting, entry }: { tenant: Tenant<T>; waiting: Tagged<T>[]; entry: Tagged<T> }): T {
    this.#takeAt(tenant, waiting, waiting.indexOf(entry));
    tenant.service += entry.item.length;
    tenant.now = Math.max(tenant.now, entry.tag + entry.item.claim.priority * PRIORITY_TOKENS);
    return entry.item;
  }

  #takeAt(tenant: Tenant<T>, waiting: Tagged<T>[], index: number): void {
    const [taken] = waiting.splice(index, 1);
    if (!taken) return;
    const { item } = taken;
    tenant.size--;
    this.#tags.delete(item);
    if (waiting.length === 0) tenant.classes.delete(this.#class(item.length));
  }

  /** The least service of those that wait: who comes (back) starts level with them. */
  #least(): number {
    let least = Infinity;
    for (const { service } of this.#tenants.values()) least = Math.min(least, service);
    return least === Infinity ? 0 : least;
  }

  /** Forgets tenants of which nothing waits: waiting earns nothing. What they had beyond others lasts as long as others wait. */
  #tidy(): void {
    if (this.#tags.size === 0) return this.#tenants.clear();
    const least = this.#leastWaiting();
    for (const [name, tenant] of this.#tenants) {
      if (tenant.size > 0) {
        for (const [caller, next] of tenant.callers) if (next <= tenant.now) tenant.callers.delete(caller);
      } else if (tenant.service <= least || this.#tenants.size > MOST_REMEMBERED) this.#tenants.delete(name);
      else tenant.callers.clear();
    }
  }

  #leastWaiting(): number {
    let least = Infinity;
    for (const { service, size } of this.#tenants.values()) if (size > 0) least = Math.min(least, service);
    return least;
  }
}
