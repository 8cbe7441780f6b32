import { z } from 'zod';
import { configSection } from '../configuration/config-section.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const LOG_FORMATS = ['auto', 'json', 'pretty'] as const;

export const logConfig = configSection(
  'log',
  z
    .strictObject({
      level: z
        .enum(LOG_LEVELS)
        .default('info')
        .describe('The least severe lines that are written.')
        .meta({ live: true }),
      format: z
        .enum(LOG_FORMATS)
        .default('auto')
        .describe('`json` writes one object a line, `pretty` writes for people; `auto` is `pretty` on a terminal.'),
    })
    .describe('The log, written to standard error.'),
);
