import { GolekError } from '@golek/api';
import { definePlugin } from '@golek/plugins-api';
import { writeSync } from 'node:fs';

// An untrusted plugin: does to its process what a request says. Copied into a plugins folder by a test; no package of its own is installed.

const never = () => new Promise(() => undefined);
const hoard = [];

const deeds = {
  crash: () => process.abort(),
  hang: () => never(),
  busy: () => {
    for (;;);
  },
  memory: () => {
    for (;;) hoard.push(new Array(100_000).fill(Math.random()));
  },
  flood: () => {
    for (;;) writeSync(3, Buffer.alloc(65_536));
  },
  print: () => {
    for (let i = 0; i < 200; i++) process.stdout.write('noise '.repeat(20_000) + '\n');
    return undefined;
  },
  spy: async () => {
    const { readFile } = await import('node:fs/promises');
    await readFile('/etc/passwd');
  },
  refuse: () => {
    throw new GolekError('permission_denied', 'not today');
  },
};

const lastText = ({ input }) =>
  input.type === 'chat'
    ? input.messages
        .at(-1)
        .content.map(({ text = '' }) => text)
        .join('')
    : String(input.prompt);

export default definePlugin({
  name: 'wild',
  version: '1.0.0',
  setup: (host) => {
    host.transform({
      name: 'obey',
      request: async (request) => {
        const deed = /^do (\w+)$/.exec(lastText(request))?.[1];
        if (deed) await deeds[deed]();
        return { request };
      },
    });
    host.route({
      method: 'POST',
      path: '/wild/:deed',
      handle: async ({ params, body, principal }) => {
        if (params.deed === 'environment') return { body: JSON.stringify(process.env) };
        await deeds[params.deed]?.();
        return { status: 202, body: `${principal.id}: ${Buffer.from(body)} from ${process.pid}` };
      },
    });
  },
});
