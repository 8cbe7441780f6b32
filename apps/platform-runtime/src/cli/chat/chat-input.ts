/** Where a chat's messages come from. */
export interface ChatInput extends Disposable {
  /** The next message; undefined at the end. */
  next(): Promise<string | undefined>;
  /** Calls back when the user wants the answer in progress to stop, until `answered`. */
  answering(onStop: () => void): void;
  answered(): void;
}
