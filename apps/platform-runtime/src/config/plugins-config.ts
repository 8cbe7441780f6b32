import { configSection } from '@golek/system';
import { z } from 'zod';

const limit = (name: string, byDefault: number, max = 3_600_000): z.ZodType<number, number | undefined> =>
  z.int().min(1).max(max).default(byDefault).meta({ live: true }).describe(`${name}, milliseconds.`);

const IsolatedPlugin = z.strictObject({
  network: z.boolean().default(false).describe('It may open connections.'),
  reads: z
    .array(z.string().min(1))
    .max(100)
    .default([])
    .describe('Absolute paths that it may read beside its own folder.'),
  env: z
    .record(z.string(), z.string().meta({ secret: true }))
    .default({})
    .describe('Its environment variables; it inherits none.'),
  critical: z
    .boolean()
    .default(true)
    .describe('Whether a request fails with a transform of it; otherwise the request goes on unchanged.'),
  memoryMb: z.int().min(32).max(65_536).default(128).describe('Limit of its heap, MiB.'),
});

export const pluginsConfig = configSection(
  'plugins',
  z
    .strictObject({
      folders: z
        .array(z.string().min(1))
        .max(100)
        .default([])
        .meta({ storable: false })
        .describe(
          'Folders with plugins, beside `plugins` in the data folder: their code runs in the server. Relative to golek.yaml there, else to the working folder.',
        ),
      packages: z
        .array(z.string().min(1))
        .max(1000)
        .default([])
        .meta({ storable: false })
        .describe(
          'Names of npm packages that are plugins, installed where golek.yaml is or above it; without a file, in the working folder or above it.',
        ),
      isolated: z
        .record(z.string(), IsolatedPlugin)
        .default({})
        .meta({ storable: false })
        .describe(
          'Plugins that run in a confined process of their own, by name, with what they are granted. A plugin whose package.json has `golek.isolated` is one without being named here.',
        ),
      disabled: z
        .array(z.string().min(1))
        .max(1000)
        .default([])
        .meta({ live: true })
        .describe('Names of plugins that do not run; `golek plugins disable` and `enable` change it.'),
      options: z
        .record(z.string(), z.unknown())
        .default({})
        .meta({ live: true })
        .describe('Options of each plugin, by its name. A change reloads the plugin.'),
      watch: z
        .boolean()
        .default(true)
        .meta({ live: true })
        .describe('Follow the files: a changed plugin is replaced, a new one starts, a removed one stops.'),
      startLimitMs: limit('Longest time to load a plugin, and again to set it up and start it', 10_000),
      stopLimitMs: limit('Longest time for each stop function of a plugin', 5_000),
      drainLimitMs: limit(
        'Longest time that a stopped or replaced version waits for the calls that still use it',
        600_000,
        86_400_000,
      ),
      healthLimitMs: limit('Longest time for a health check of a plugin', 2_000),
      healthIntervalMs: limit('Time between two rounds of health checks', 30_000),
    })
    .describe('Plugins: code that extends the server. See docs/guide/plugins.md.'),
);
