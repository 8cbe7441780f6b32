/** Wakes whoever waits for something to change; they look again themselves. Nothing is lost between looking and waiting when both happen in one turn. */
export class Bell {
  #waiting: PromiseWithResolvers<undefined> | undefined;

  ring(): void {
    this.#waiting?.resolve(undefined);
    this.#waiting = undefined;
  }

  wait(): Promise<undefined> {
    return (this.#waiting ??= Promise.withResolvers<undefined>()).promise;
  }
}
