import { fileURLToPath } from 'node:url';
import { configurationJsonSchema, configurationReference } from '@golek/system';
import { expect, test } from 'vitest';
import { PLATFORM_SECTIONS } from './config/platform-config.ts';

const INTRODUCTION = `# Configuration

Made from the schemas of the settings by \`npm run docs --workspace @golek/platform-runtime\`; a test fails when it is out of date.

Each setting has a key such as \`http.port\` and can be given in these places. A later one beats an earlier one:

1. its default;
2. the configuration file: \`golek.yaml\` in the data folder, or the file named by \`--config\` or \`GOLEK_CONFIG\`;
3. an environment variable: \`GOLEK_HTTP_PORT\`; an empty one counts as not set;
4. a flag: \`--http.port 9000\` or \`--http.port=9000\`, and for the usual ones a short form such as \`--port\`;
5. the store: \`golek config set http.port 9000\`, or the admin API, until \`golek config unset http.port\`;
6. for keys where "may be set by" says so, a tenant's own value in \`tenants\`, or a request's in the header \`x-golek-config\`.

Lists of texts are separated by commas in variables and flags; other lists, and maps, are JSON there. A list in a later place
replaces the earlier list as a whole. An unknown key, a value of a wrong type or out of range, in any of the places, stops the start
with a message that names file, line, column, the value and the nearest known key, and refuses a change at run time. YAML anchors work; a file has at most 1 MiB.
A secret can be given by reference: \`env:NAME\` or \`file:/path\`. [The guide](../guide/configuration.md) tells how to change settings while Golek runs.

\`\`\`yaml
# yaml-language-server: $schema=./configuration.schema.json
http:
  port: 9000
models:
  list:
    - name: llama
      path: models/llama-3.2-1b-q4_k_m.gguf
      options: { contextSize: 8192 }
\`\`\`

[configuration.schema.json](configuration.schema.json) is a JSON Schema of the file, for editors.

`;

const docs = (name: string): string => fileURLToPath(new URL(`../../../docs/reference/${name}`, import.meta.url));

test('docs/reference/configuration.md is current', async () => {
  await expect(INTRODUCTION + configurationReference(PLATFORM_SECTIONS)).toMatchFileSnapshot(docs('configuration.md'));
});

test('docs/reference/configuration.schema.json is current', async () => {
  const text = `${JSON.stringify(configurationJsonSchema(PLATFORM_SECTIONS), undefined, 2)}\n`;
  await expect(text).toMatchFileSnapshot(docs('configuration.schema.json'));
});
