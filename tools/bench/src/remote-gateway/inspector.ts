/** A Node process, asked over its inspector: what its heap holds once everything that is garbage is gone. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MS = 30_000;

interface Answer {
  readonly id?: number;
  readonly result?: { readonly usedSize?: number };
}

export class Inspector implements Disposable {
  readonly #socket: WebSocket;
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** `port`: that of the process's argument `--inspect`. */
  static async open(port: number): Promise<Inspector> {
    for (const end = performance.now() + START_MS; ; await sleep(50)) {
      try {
        const listed = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
          readonly webSocketDebuggerUrl: string;
        }[];
        const socket = new WebSocket(listed[0]?.webSocketDebuggerUrl ?? '');
        await once(socket, 'open');
        return new Inspector(socket);
      } catch (error) {
        if (performance.now() > end) throw error;
      }
    }
  }

  /** Bytes of the heap after two collections. */
  async liveHeapBytes(): Promise<number> {
    await this.#ask('HeapProfiler.collectGarbage');
    await this.#ask('HeapProfiler.collectGarbage');
    const { result } = await this.#ask('Runtime.getHeapUsage');
    return result?.usedSize ?? NaN;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  async #ask(method: string): Promise<Answer> {
    const id = ++this.#asked;
    this.#socket.send(JSON.stringify({ id, method }));
    for (;;) {
      const [event] = (await once(this.#socket, 'message')) as [{ readonly data: string }];
      const answer = JSON.parse(event.data) as Answer;
      if (answer.id === id) return answer;
    }
  }
}
