import type { EventPosition } from './event-history.ts';

/** Nodes that are remembered; the one that was silent for longest is forgotten first. */
const NODES = 1024;

/** Tells an event that is delivered a second time, by the rising ids of each node. */
export class SeenEvents {
  readonly #latest = new Map<string, number>();

  /** @returns true for an event that was not seen before. */
  add({ node, id }: EventPosition): boolean {
    const latest = this.#latest.get(node);
    if (latest !== undefined && id <= latest) return false;
    // Deleted first: the map stays in order of use.
    this.#latest.delete(node);
    this.#latest.set(node, id);
    if (this.#latest.size > NODES) this.#latest.delete(this.#latest.keys().next().value as string);
    return true;
  }
}
