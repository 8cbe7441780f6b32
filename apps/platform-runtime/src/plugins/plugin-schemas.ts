import { ErrorData } from '@golek/api';
import { PLUGIN_TRANSITIONS, type PluginState } from '@golek/kernel';
import { z } from 'zod';

const STATES = Object.keys(PLUGIN_TRANSITIONS) as [PluginState, ...PluginState[]];
const names = z.array(z.string()).optional();

/** A plugin as the admin API shows it. */
export const PluginInfo = z
  .strictObject({
    name: z.string(),
    version: z.string().optional().describe('Of the version in effect, else of the one read last.'),
    state: z.enum(STATES),
    since: z.string().describe('When it entered the state, RFC 3339.'),
    origin: z.string().describe('The module that it is read from.'),
    isolated: z.boolean().describe('It runs in a process of its own.'),
    requires: z.record(z.string(), z.string()),
    contributes: z
      .strictObject({
        phases: names,
        providers: names,
        routes: names,
        authenticators: names,
        exporters: names,
        stores: names,
      })
      .describe('Names of what it adds to each extension point.'),
    health: z.strictObject({ status: z.enum(['ok', 'degraded', 'down']), reason: z.string().optional() }).optional(),
    lastError: ErrorData.optional().describe('Why the last start, replacement or stop failed.'),
    replacements: z.int().describe('Times that a newer version took over while it ran.'),
    retiring: z.int().describe('Older versions that calls in progress still use.'),
  })
  .meta({ id: 'Plugin' });
export type PluginInfo = z.infer<typeof PluginInfo>;

export const PluginReport = z.strictObject({
  plugins: z.array(PluginInfo),
  problems: z.array(ErrorData).describe('What looks like a plugin and is none, or was configured and is not there.'),
});
export type PluginReport = z.infer<typeof PluginReport>;

export const DisableBody = z.strictObject({
  force: z.boolean().default(false).describe('Stop also the plugins that need it.'),
});
