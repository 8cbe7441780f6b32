import { GolekError } from '@golek/api';

/** Every state of a plugin and the states that may follow it. `failed`: it is not in effect, and its last error says why. */
export const PLUGIN_TRANSITIONS = {
  registered: ['starting', 'disabled'],
  starting: ['running', 'failed'],
  running: ['replacing', 'stopping'],
  // Whether the new version took over or was refused: one version is in effect throughout.
  replacing: ['running'],
  stopping: ['stopped'],
  stopped: ['starting', 'disabled'],
  failed: ['starting', 'disabled'],
  disabled: ['registered'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type PluginState = keyof typeof PLUGIN_TRANSITIONS;

/** The state of one plugin; changes along the table only. */
export class PluginLife {
  readonly #name: string;
  #state: PluginState = 'registered';
  #since = new Date();

  constructor(name: string) {
    this.#name = name;
  }

  get state(): PluginState {
    return this.#state;
  }

  /** When the present state was entered. */
  get since(): Date {
    return this.#since;
  }

  may(next: PluginState): boolean {
    return (PLUGIN_TRANSITIONS[this.#state] as readonly PluginState[]).includes(next);
  }

  /** Throws `conflict` for a step that the table does not have. */
  enter(next: PluginState): void {
    if (!this.may(next)) {
      const allowed = PLUGIN_TRANSITIONS[this.#state].join(' or ');
      throw new GolekError(
        'conflict',
        `plugin '${this.#name}' is ${this.#state} and cannot become ${next}; next is ${allowed}`,
        { details: { plugin: this.#name, state: this.#state } },
      );
    }
    this.#state = next;
    this.#since = new Date();
  }
}
