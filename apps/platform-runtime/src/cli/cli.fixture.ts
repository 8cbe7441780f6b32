// The program from source, for tests: `node --conditions=@golek/source cli.fixture.ts ARGS`.
import { runCli } from './main.ts';

await runCli(process.argv.slice(2));
