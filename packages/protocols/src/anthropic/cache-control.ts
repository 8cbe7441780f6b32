import { z } from 'zod';

/**
 * A wish to keep the prompt so far: engines here keep every prompt's beginning by its content, so it is taken and changes nothing. Claude Code sends `scope` with its own
 * prompts, which other requests of its may share.
 */
export const CacheControl = z
  .strictObject({
    type: z.literal('ephemeral'),
    ttl: z.enum(['5m', '1h']).nullish(),
    scope: z.string().nullish(),
  })
  .nullish()
  .describe('Taken and not needed: the beginnings of prompts are kept by their content.');
