import { configSection } from '@golek/system';
import { z } from 'zod';

export const mcpConfig = configSection(
  'mcp',
  z
    .strictObject({
      maxSessions: z
        .int()
        .min(1)
        .max(100_000)
        .default(256)
        .describe(
          'Sessions of MCP clients at the same time. For one more, the session that was idle for longest ends; when all are in use, it is refused.',
        ),
      sessionIdleMs: z
        .int()
        .min(1_000)
        .max(24 * 3_600_000)
        .default(30 * 60_000)
        .describe('A session that has no open request for so long ends, milliseconds.'),
      allowedOrigins: z
        .array(z.string().min(1).max(256))
        .max(64)
        .default([])
        .describe(
          'Origins of web pages that may use `/mcp` beside those of `http.origins`, of this machine and of this server itself, e.g. `https://tools.example.com`; `*` for all; for a proxy that adds the CORS headers which browsers ask for.',
        ),
    })
    .describe('The MCP server at `/mcp`.'),
);
