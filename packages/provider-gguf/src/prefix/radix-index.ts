/** A stretch of tokens that all holders below it have in common. */
interface Node<H> {
  parent: Node<H> | undefined;
  tokens: number[];
  /** Tokens from the start of a sequence to the first one of this node. */
  start: number;
  readonly children: Map<number, Node<H>>;
  /** Those whose sequence ends with the last token of this node. */
  readonly holders: Set<H>;
}

/** A holder of a sequence that begins like another one. */
export interface Match<H> {
  readonly holder: H;
  /** Tokens at the start that both have. */
  readonly shared: number;
  /** Tokens that the holder has in all. */
  readonly length: number;
}

interface Place<H> {
  readonly space: string;
  readonly node: Node<H>;
}

const newNode = <H>(parent: Node<H> | undefined, start: number, tokens: number[]): Node<H> => ({
  parent,
  tokens,
  start,
  children: new Map(),
  holders: new Set(),
});

const endOf = (node: Node<unknown>): number => node.start + node.tokens.length;

/**
 * Which holders have which token sequences, as one radix tree for each space; spaces know nothing of each other. Each holder has one
 * sequence. Finding the longest common beginning costs as much as its length, however many holders there are; the size is that of the
 * sequences, each common beginning counted once.
 */
export class RadixIndex<H> {
  readonly #roots = new Map<string, Node<H>>();
  readonly #places = new Map<H, Place<H>>();

  get size(): number {
    return this.#places.size;
  }

  /** Tokens of the holder; undefined when it is not here. */
  length(holder: H): number | undefined {
    const place = this.#places.get(holder);
    return place && endOf(place.node);
  }

  /** Gives the holder this sequence, in place of any that it had. */
  insert(space: string, holder: H, tokens: ArrayLike<number>): void {
    this.remove(holder);
    let root = this.#roots.get(space);
    if (!root) this.#roots.set(space, (root = newNode<H>(undefined, 0, [])));
    this.#settle(space, holder, descend(root, tokens, 0));
  }

  /** Adds tokens at the end of the holder's sequence. */
  extend(holder: H, tokens: ArrayLike<number>): void {
    const place = this.#places.get(holder);
    if (!place) throw new RangeError('a holder without a sequence cannot be extended: insert it first');
    const { space, node } = place;
    if (tokens.length === 0) return;
    if (node.parent && node.children.size === 0 && node.holders.size === 1) {
      for (let i = 0; i < tokens.length; i++) node.tokens.push(tokens[i] as number);
      return;
    }
    node.holders.delete(holder);
    this.#settle(space, holder, descend(node, tokens, 0));
    tidy(node);
  }

  /** Shortens the holder's sequence to its first `length` tokens. */
  cut(holder: H, length: number): void {
    const place = this.#places.get(holder);
    if (!place || length >= endOf(place.node)) return;
    const { space, node } = place;
    let target = node;
    while (target.parent && target.start >= length) target = target.parent;
    if (endOf(target) > length) target = split(target, length - target.start);
    node.holders.delete(holder);
    this.#settle(space, holder, target);
    tidy(node);
  }

  remove(holder: H): void {
    const place = this.#places.get(holder);
    if (!place) return;
    this.#places.delete(holder);
    place.node.holders.delete(holder);
    tidy(place.node);
    const root = this.#roots.get(place.space);
    if (root?.children.size === 0 && root.holders.size === 0) this.#roots.delete(place.space);
  }

  /** Most tokens that any holder of the space has in common with the start of `tokens`. */
  longest(space: string, tokens: ArrayLike<number>): number {
    return this.#walk(space, tokens)?.shared ?? 0;
  }

  /** The holders of the space, those with the longest common beginning first; ends with those that have none. */
  *matches(space: string, tokens: ArrayLike<number>): Generator<Match<H>, void> {
    const walk = this.#walk(space, tokens);
    let done: Node<H> | undefined;
    let shared = walk?.shared ?? 0;
    for (let node = walk?.node; node; node = node.parent) {
      yield* below(node, shared, done);
      done = node;
      shared = node.start;
    }
  }

  #settle(space: string, holder: H, node: Node<H>): void {
    node.holders.add(holder);
    this.#places.set(holder, { space, node });
  }

  /** The node in which the common beginning ends. */
  #walk(space: string, tokens: ArrayLike<number>): { node: Node<H>; shared: number } | undefined {
    let node = this.#roots.get(space);
    if (!node) return undefined;
    for (;;) {
      const end: number = node.start + sharedTokens(node.tokens, tokens, node.start);
      const next: Node<H> | undefined =
        end === endOf(node) && end < tokens.length ? childAt(node, tokens, end) : undefined;
      if (!next) return { node, shared: end };
      node = next;
    }
  }
}

const childAt = <H>(node: Node<H>, tokens: ArrayLike<number>, at: number): Node<H> | undefined =>
  node.children.get(tokens[at] as number);

const sharedTokens = (label: readonly number[], tokens: ArrayLike<number>, from: number): number => {
  const most = Math.min(label.length, tokens.length - from);
  let shared = 0;
  while (shared < most && label[shared] === tokens[from + shared]) shared++;
  return shared;
};

/** The node at which `tokens`, from `from` on, end below `node`; makes what is missing. */
const descend = <H>(node: Node<H>, tokens: ArrayLike<number>, from: number): Node<H> => {
  let at = from;
  for (;;) {
    if (at === tokens.length) return node;
    const child = childAt(node, tokens, at);
    if (!child) {
      const leaf = newNode(node, endOf(node), Array.prototype.slice.call(tokens, at) as number[]);
      node.children.set(tokens[at] as number, leaf);
      return leaf;
    }
    const shared = sharedTokens(child.tokens, tokens, at);
    at += shared;
    node = shared === child.tokens.length ? child : split(child, shared);
  }
};

/** Divides a node behind its first `length` tokens; returns the upper part, which is new: holders keep the lower one. */
const split = <H>(node: Node<H>, length: number): Node<H> => {
  const upper = newNode(node.parent, node.start, node.tokens.slice(0, length));
  node.parent?.children.set(upper.tokens[0] as number, upper);
  node.tokens = node.tokens.slice(length);
  node.start += length;
  upper.children.set(node.tokens[0] as number, node);
  node.parent = upper;
  return upper;
};

/** Takes away what nobody needs from a node on upwards: empty leaves, and divisions without a branch. */
const tidy = <H>(node: Node<H>): void => {
  let at = node;
  while (at.parent && at.holders.size === 0 && at.children.size === 0) {
    at.parent.children.delete(at.tokens[0] as number);
    at = at.parent;
  }
  const [only] = at.children.size === 1 ? at.children.values() : [];
  if (!at.parent || at.holders.size > 0 || !only) return;
  // The lower node stays, since its holders and children point to it.
  only.tokens = [...at.tokens, ...only.tokens];
  only.start = at.start;
  only.parent = at.parent;
  at.parent.children.set(only.tokens[0] as number, only);
};

/** Everyone at and below a node, but for one branch. */
const below = function* <H>(node: Node<H>, shared: number, except: Node<H> | undefined): Generator<Match<H>, void> {
  const waiting = [node];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const length = endOf(next);
    for (const holder of next.holders) yield { holder, shared: Math.min(shared, length), length };
    for (const child of next.children.values()) if (child !== except) waiting.push(child);
  }
};
