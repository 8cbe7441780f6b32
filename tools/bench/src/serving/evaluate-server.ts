/**
 * The binding as its own documentation uses it: `sequence.evaluate()` for each request, behind the least HTTP that streams. Argument: EngineSetup as JSON. Prints its
 * port. Takes prompts of tokens, generates `max_tokens` greedily and does not stop at end tokens.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getLlama, LlamaLogLevel, type LlamaContextSequence, type Token } from 'node-llama-cpp';
import type { EngineSetup } from './contender.ts';

const setup = JSON.parse(process.argv[2] ?? '') as EngineSetup;
const { model: modelPath, threads, flashAttention, batch, sequences, context: contextSize } = setup;

const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
const context = await model.createContext({ contextSize, sequences, threads, flashAttention, batchSize: batch });
const idle: LlamaContextSequence[] = Array.from({ length: sequences }, () => context.getSequence());
const waiting: ((sequence: LlamaContextSequence) => void)[] = [];

const take = (): Promise<LlamaContextSequence> => {
  const sequence = idle.shift();
  return sequence ? Promise.resolve(sequence) : new Promise((resolve) => waiting.push(resolve));
};
const giveBack = (sequence: LlamaContextSequence): void => {
  const next = waiting.shift();
  if (next) next(sequence);
  else idle.push(sequence);
};

interface Body {
  readonly prompt: Token[];
  readonly max_tokens: number;
}

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const { prompt, max_tokens: wanted } = JSON.parse(Buffer.concat(parts).toString('utf8')) as Body;
  const abort = new AbortController();
  response.once('close', () => abort.abort());
  const sequence = await take();
  try {
    await sequence.clearHistory();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (data: object): boolean => response.write(`data: ${JSON.stringify(data)}\n\n`);
    let made = 0;
    for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
      if (abort.signal.aborted) return;
      made += 1;
      const finish = made === wanted ? 'length' : null;
      send({
        object: 'text_completion',
        choices: [{ index: 0, text: model.detokenize([token]), finish_reason: finish }],
      });
      if (finish) break;
    }
    const usage = { prompt_tokens: prompt.length, completion_tokens: made, total_tokens: prompt.length + made };
    send({ object: 'text_completion', choices: [], usage });
    response.end('data: [DONE]\n\n');
  } finally {
    giveBack(sequence);
  }
};

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => response.destroy(error as Error));
});
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
