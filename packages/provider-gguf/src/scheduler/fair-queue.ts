/** What waits in a FairQueue. */
export interface Queued {
  readonly tenant: string;
  /** Within a tenant, the least is served first. */
  readonly rank: number;
  /** What it is expected to cost, in the units of `charge`. */
  readonly work: number;
  /** Those that were pushed together are dropped together or not at all. */
  readonly ticket: Ticket;
}

export interface Ticket {
  /** Entries that were pushed with it. */
  readonly size: number;
}

interface Line<T> {
  /** By rank, then by arrival. */
  readonly waiting: T[];
  running: number;
  /** Work done for the tenant, with what others had when it came as its start. */
  service: number;
}

/** Tenants that have gone with more than their share, and are remembered until the others have caught up. */
const MOST_REMEMBERED = 1_024;

/**
 * A queue that shares work equally among tenants, however much each of them asks for: next is the tenant for which least was done while it had
 * something to do, whatever its requests cost, then the one of which least runs; its own requests go by rank. A tenant that comes (back) starts level with the one that
 * has least, or with what it had when it left: waiting earns nothing and leaving clears nothing.
 */
export class FairQueue<T extends Queued> {
  readonly #lines = new Map<string, Line<T>>();
  readonly #gone = new Map<string, number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(entry: T): void {
    const { waiting } = this.#line(entry.tenant);
    let [low, high] = [0, waiting.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((waiting[middle] as T).rank <= entry.rank) low = middle + 1;
      else high = middle;
    }
    waiting.splice(low, 0, entry);
    this.#size++;
  }

  /** Takes the next entry out; its tenant counts as running until `leave`. */
  take(): T | undefined {
    let best: Line<T> | undefined;
    for (const line of this.#lines.values()) {
      const head = line.waiting[0];
      if (head === undefined) continue;
      const other = best?.waiting[0];
      const order =
        best && other && (best.service - line.service || best.running - line.running || other.rank - head.rank);
      if (order !== undefined && order <= 0) continue;
      best = line;
    }
    const entry = best?.waiting.shift();
    if (!best || !entry) return undefined;
    best.running++;
    this.#size--;
    return entry;
  }

  /** Takes an entry out that shall not run. */
  remove(entry: T): boolean {
    const line = this.#lines.get(entry.tenant);
    const index = line ? line.waiting.indexOf(entry) : -1;
    if (!line || index < 0) return false;
    line.waiting.splice(index, 1);
    this.#size--;
    this.#forget(entry.tenant, line);
    return true;
  }

  /** One of the tenant's entries that were taken has ended. */
  leave(tenant: string): void {
    const line = this.#lines.get(tenant);
    if (!line) return;
    line.running--;
    this.#forget(tenant, line);
  }

  /** Work was done for a tenant. */
  charge(tenant: string, work: number): void {
    const line = this.#lines.get(tenant);
    if (line) line.service += work;
  }

  /** Work done for a tenant, to be compared with that of others. */
  serviceOf(tenant: string): number {
    return this.#lines.get(tenant)?.service ?? this.#start(tenant);
  }

  /** Work of the entries that would be served before a new one of this tenant and rank. */
  workAhead(tenant: string, rank: number): number {
    const service = this.serviceOf(tenant);
    let own = 0;
    for (const entry of this.#lines.get(tenant)?.waiting ?? []) if (entry.rank <= rank) own += entry.work;
    let ahead = own;
    for (const [other, line] of this.#lines) {
      if (other === tenant) continue;
      // Each of the others is served until it has had as much as this tenant will have had.
      const most = Math.max(0, service + own - line.service);
      let work = 0;
      for (const entry of line.waiting) {
        if (work >= most) break;
        work += entry.work;
      }
      ahead += Math.min(work, most);
    }
    return ahead;
  }

  /**
   * The entries to drop for `places` new ones of a tenant in a full queue: the last ones of the tenant that has most of them, as long as it keeps
   * at least as many as the new one will have. None when that does not make enough room.
   */
  displaced(tenant: string, places: number): readonly T[] {
    let longest: T[] = [];
    for (const [other, { waiting }] of this.#lines)
      if (other !== tenant && waiting.length > longest.length) longest = waiting;
    const own = this.#lines.get(tenant)?.waiting.length ?? 0;
    const most = longest.length - own - places;
    const dropped: T[] = [];
    const seen = new Set<Ticket>();
    for (let index = longest.length - 1; index >= 0 && dropped.length < places; index--) {
      const { ticket } = longest[index] as T;
      if (seen.has(ticket)) continue;
      seen.add(ticket);
      const together = longest.filter((entry) => entry.ticket === ticket);
      // Where some of a request run already, its rest keeps its place.
      if (together.length === ticket.size && dropped.length + together.length <= most) dropped.push(...together);
    }
    return dropped.length >= places ? dropped : [];
  }

  /** Takes everything out. */
  clear(): T[] {
    const all = [...this.#lines.values()].flatMap(({ waiting }) => waiting.splice(0));
    this.#size = 0;
    for (const [tenant, line] of [...this.#lines]) this.#forget(tenant, line);
    return all;
  }

  #line(tenant: string): Line<T> {
    let line = this.#lines.get(tenant);
    if (!line) {
      line = { waiting: [], running: 0, service: this.#start(tenant) };
      this.#gone.delete(tenant);
      this.#lines.set(tenant, line);
    }
    return line;
  }

  #start(tenant: string): number {
    return Math.max(this.#gone.get(tenant) ?? 0, this.#least());
  }

  #least(): number {
    let least = Infinity;
    for (const { service } of this.#lines.values()) if (service < least) least = service;
    return least === Infinity ? 0 : least;
  }

  #forget(tenant: string, line: Line<T>): void {
    if (line.running > 0 || line.waiting.length > 0) return;
    this.#lines.delete(tenant);
    if (this.#lines.size === 0) return this.#gone.clear();
    const least = this.#least();
    if (line.service > least) this.#gone.set(tenant, line.service);
    if (this.#gone.size <= MOST_REMEMBERED) return;
    for (const [other, service] of this.#gone) if (service <= least) this.#gone.delete(other);
    for (const other of this.#gone.keys()) {
      if (this.#gone.size <= MOST_REMEMBERED) break;
      this.#gone.delete(other);
    }
  }
}
