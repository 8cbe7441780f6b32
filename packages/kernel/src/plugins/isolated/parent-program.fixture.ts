import { isolatedPlugin } from './isolated-plugin.ts';
import { TestHost, UNTRUSTED } from './test-host.fixture.ts';

// A program with an isolated plugin, for tests that end the program. It prints the pid of the plugin's process, then does what its argument says.

const { signal } = new AbortController();
const plugin = await isolatedPlugin({ file: UNTRUSTED, signal, limits: { hangMs: 60_000, routeMs: 60_000 } });
const test = new TestHost();
await plugin.setup(test.host(undefined));
process.stdout.write(`${await test.text('pid')}\n`);
if (process.argv[2] === 'busy') void test.post('busy');
if (process.argv[2] !== 'forgets') setInterval(() => undefined, 1_000);
