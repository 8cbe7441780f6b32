// Writes to a store until it is killed, or a number of times: `node … json-file-store.fixture.ts HOME KEY COUNT`. Prints each value once it is stored.
import { DataFolder } from '../data-folder/data-folder.ts';
import { JsonFileStore } from './json-file-store.ts';

const [home = '', key = '', count = '0'] = process.argv.slice(2);
const store = new JsonFileStore(new DataFolder(home));
const { signal } = new AbortController();
process.stdout.write('ready\n');
for (let value = 1; value <= Number(count); value++) {
  await store.put(key, { value, filler: 'x'.repeat(20_000) }, { signal });
  process.stdout.write(`${value}\n`);
}
