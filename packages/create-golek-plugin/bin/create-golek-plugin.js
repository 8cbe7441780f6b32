#!/usr/bin/env node
// Plain JavaScript that an old Node can read: it checks the version before anything modern is imported.
const NEEDED = 24;

if (Number(/^v(\d+)/.exec(process.version)?.[1]) >= NEEDED) {
  const { runCli } = await import('../dist/cli.js');
  process.exitCode = await runCli(process.argv.slice(2), process);
} else {
  process.stderr.write(`create-golek-plugin: Node ${NEEDED} or newer is needed, this is ${process.version}\n`);
  process.exitCode = 1;
}
