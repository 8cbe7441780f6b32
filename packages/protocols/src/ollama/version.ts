import { z } from 'zod';

/** The release of Ollama whose API this is: clients look at it to know what they may send. */
export const OLLAMA_API_VERSION = '0.12.11';

/** The answer of GET /api/version. */
export const Version = z
  .strictObject({
    version: z.string().describe('The release of Ollama whose API this is.'),
    golek: z.string().describe('Extension. The release of the server.'),
  })
  .meta({ id: 'OllamaVersion' });

/** What GET / says: clients look for it to know whether somebody listens. */
export const RUNNING = 'Ollama is running';
