/**
 * The floor of the gateway benchmark: node:http alone. Reads a chat request, parses it, and answers with a response of the same shape and
 * size as Golek's, without validation, routing, logs or limits. Prints its port.
 */
import { createServer } from 'node:http';

const [words = '20'] = process.argv.slice(2);
const CHUNKS = Array.from({ length: Number(words) }, (_, index) => `word${index} `);

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const body = JSON.parse(Buffer.concat(parts).toString('utf8')) as { stream?: boolean; model: string };
    const head = { id: 'chatcmpl-bare', created: Math.floor(Date.now() / 1000), model: body.model };
    if (!body.stream) {
      const text = JSON.stringify({
        ...head,
        object: 'chat.completion',
        choices: [{ index: 0, message: { role: 'assistant', content: CHUNKS.join('') }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 2, completion_tokens: CHUNKS.length, total_tokens: 2 + CHUNKS.length },
      });
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
      response.end(text);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (delta: object, finish_reason: string | null): boolean =>
      response.write(
        `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] })}\n\n`,
      );
    let next = 0;
    // One chunk for each turn of the event loop, as tokens come.
    const step = (): void => {
      const content = CHUNKS[next++];
      if (content !== undefined) {
        send({ content }, null);
        setImmediate(step);
        return;
      }
      send({}, 'stop');
      response.end('data: [DONE]\n\n');
    };
    step();
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));
