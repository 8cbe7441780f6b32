import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The program: what TEST_CHROMIUM names, or `chromium` of PATH. */
export const chromiumProgram = (): string | undefined =>
  process.env['TEST_CHROMIUM'] ??
  (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, 'chromium'))
    .find(existsSync);

interface Reply {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

type Listener = (reply: Reply) => void;

/** A connection to the DevTools protocol. */
class DevTools {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Listener>();
  readonly #listeners = new Set<Listener>();
  #ids = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const reply = JSON.parse(String(data)) as Reply;
      if (reply.id === undefined) return this.#listeners.forEach((listener) => listener(reply));
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    socket.addEventListener('close', () => {
      for (const [id, settle] of this.#waiting) settle({ id, error: { message: 'the browser is gone' } });
      this.#waiting.clear();
    });
  }

  static async connect(url: string): Promise<DevTools> {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    return new DevTools(socket);
  }

  on(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** Sends a command, to a page where its session is named. */
  send<T>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    const id = ++this.#ids;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) =>
        error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result as T),
      );
      this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) }));
    });
  }

  close(): void {
    this.#socket.close();
  }
}

/** A page of the browser. */
export class Page {
  /** What the browser says of its WebSockets that failed. */
  readonly failures: string[] = [];
  readonly #tools: DevTools;
  readonly #session: string;
  readonly #target: string;

  constructor(tools: DevTools, session: string, target: string) {
    this.#tools = tools;
    this.#session = session;
    this.#target = target;
    tools.on(({ sessionId, method, params }) => {
      if (sessionId !== session || method !== 'Network.webSocketFrameError') return;
      this.failures.push((params as { readonly errorMessage: string }).errorMessage);
    });
  }

  /** What a function gives in the page, itself or by its promise. Arguments and value go as JSON; the function sees nothing of its surroundings. */
  run<A extends readonly unknown[], T>(work: (...values: A) => T | Promise<T>, ...values: A): Promise<T> {
    return this.evaluate<T>(`(${String(work)})(...${JSON.stringify(values)})`);
  }

  /** The same of an expression. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#tools.send<{
      readonly result: { readonly value: T };
      readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
    }>('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, this.#session);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async close(): Promise<void> {
    await this.#tools.send('Target.closeTarget', { targetId: this.#target });
  }
}

/** Chromium without a window, with a profile of its own. */
export class Chromium implements AsyncDisposable {
  readonly #tools: DevTools;
  readonly #stack: AsyncDisposableStack;

  private constructor(tools: DevTools, stack: AsyncDisposableStack) {
    this.#tools = tools;
    this.#stack = stack;
  }

  static async start(program: string): Promise<Chromium> {
    await using stack = new AsyncDisposableStack();
    const profile = await mkdtemp(path.join(tmpdir(), 'golek-chromium-'));
    // Its helpers may write for a moment after it has ended.
    stack.defer(() => rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
    const child = spawn(
      program,
      [
        '--headless=new',
        // Tests may run as root, and in containers without user namespaces; the pages are the tests' own.
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--disable-background-networking',
        '--disable-component-update',
        '--no-first-run',
        '--no-proxy-server',
        `--user-data-dir=${profile}`,
        '--remote-debugging-port=0',
        'about:blank',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    stack.defer(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    const address = await new Promise<string>((resolve, reject) => {
      let said = '';
      const timer = setTimeout(() => reject(new Error(`${program} said no address within 30 s:\n${said}`)), 30_000);
      child.once('error', reject);
      void ended.then(() => reject(new Error(`${program} ended:\n${said}`)));
      child.stderr.on('data', (chunk: Buffer) => {
        if (said.length < 100_000) said += chunk.toString('utf8');
        const [, found] = /DevTools listening on (ws:\S+)/.exec(said) ?? [];
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      });
    });
    const tools = await DevTools.connect(address);
    stack.defer(() => tools.close());
    return new Chromium(tools, stack.move());
  }

  /** A page with the document of the address. */
  async open(url: string): Promise<Page> {
    const tools = this.#tools;
    const { targetId } = await tools.send<{ targetId: string }>('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await tools.send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(tools, sessionId, targetId);
    await tools.send('Network.enable', {}, sessionId);
    await tools.send('Page.enable', {}, sessionId);
    const loaded = new Promise<void>((resolve) =>
      tools.on((event) => {
        if (event.sessionId === sessionId && event.method === 'Page.loadEventFired') resolve();
      }),
    );
    const { errorText } = await tools.send<{ errorText?: string }>('Page.navigate', { url }, sessionId);
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
    await loaded;
    return page;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
