import { KEEP_ALIVE_FORMS, keepAliveMs } from '@golek/api';
import { configSection } from '@golek/system';
import { z } from 'zod';

/** Becomes milliseconds in models/life-settings.ts: the schema keeps what was written, so that it is shown as it was. */
const KeepAlive = z
  .union([z.number(), z.string()])
  .refine((value) => keepAliveMs(value) !== undefined, { error: `a keep-alive time is ${KEEP_ALIVE_FORMS}` });

const ConfiguredModel = z
  .strictObject({
    name: z.string().min(1).max(128).describe('Name in requests.'),
    path: z
      .string()
      .min(1)
      .optional()
      .describe('Model file. Relative to golek.yaml there, else to the working folder.'),
    provider: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Who runs the model, in place of `path`: the id of an upstream, or of a provider that a plugin brings.',
      ),
    model: z.string().min(1).optional().describe('Name of the model at its provider. Default: `name`.'),
    options: z
      .record(z.string(), z.unknown())
      .default({})
      .describe(
        'Settings of this model. With `path` each overrides the one of the same name under `gguf` or `onnx`; for an upstream: `tasks`, `contextLength`, `embeddingLength`, `options`, `body`, `verify`.',
      ),
    keepAlive: KeepAlive.optional().describe(
      'How long it stays in memory after its last use. Default: `models.keepAlive`.',
    ),
    pinned: z
      .boolean()
      .default(false)
      .describe('Once loaded it stays, whatever `keepAlive` says and whichever other model needs the room.'),
  })
  .refine(({ path, provider }) => (path === undefined) !== (provider === undefined), {
    error: "a model needs 'path' (a file) or 'provider' (an upstream), and not both",
  })
  .refine(({ path, model }) => path === undefined || model === undefined, {
    error: "'model' goes with 'provider'; a model with 'path' is its file",
  });

const unique = (models: readonly { readonly name: string }[]): boolean =>
  new Set(models.map(({ name }) => name)).size === models.length;

export const modelsConfig = configSection(
  'models',
  z
    .strictObject({
      list: z
        .array(ConfiguredModel)
        .max(1000)
        .refine(unique, 'two models have the same name')
        .default([])
        .meta({ live: true })
        .describe('Models by name: files, and models of upstreams.'),
      folders: z
        .array(z.string().min(1))
        .max(100)
        .default([])
        .describe('Folders in which model files are looked for, beside `models` in the data folder.'),
      default: z
        .string()
        .min(1)
        .optional()
        .describe(
          'Model for a command or example that names none. Default: the first of the list, else the bundled golek-tiny.',
        ),
      keepAlive: KeepAlive.default('forever')
        .describe(
          "How long a model stays in memory after its last use: `'5m'`, `'1h30m'`, seconds, 0 or `'forever'`. A model that stays still makes room for another one that needs it.",
        )
        .meta({ live: true }),
      maxLoaded: z
        .int()
        .min(1)
        .max(1000)
        .optional()
        .describe(
          'Local models in memory at once; the least recently used idle one makes room. Default: as many as memory holds.',
        )
        .meta({ live: true }),
      memoryLimitBytes: z
        .int()
        .min(1)
        .optional()
        .describe(
          "Memory that the local models may take together, as estimated before each is loaded, bytes. Default: the machine's, or what its control group allows.",
        )
        .meta({ live: true }),
      roomWaitMs: z
        .int()
        .min(0)
        .max(3_600_000)
        .default(10_000)
        .describe(
          'How long a load waits for a model in use to become idle, where only that makes room, before its requests are refused, milliseconds.',
        )
        .meta({ live: true }),
      bundled: z
        .boolean()
        .default(true)
        .describe('Serve also the small models that ship with Golek: golek-tiny, and golek-embed for embeddings.'),
    })
    .describe('Which models there are.'),
);
