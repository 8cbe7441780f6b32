import { ModelName, type ToolAnnotations, type ToolDefinition } from '@golek/protocols/mcp';
import { z } from 'zod';
import { HealthProblem, UsageReport } from '../http/health.ts';
import { LoadBody, ModelState, ModelStates } from '../models/model-state.ts';

/** Requests in progress that one answer shows. */
export const MOST_REQUESTS = 100;

const LOOKS: ToolAnnotations = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};
const CHANGES: ToolAnnotations = { ...LOOKS, readOnlyHint: false };

const NoArguments = z.strictObject({});

export const ServerStatus = z.strictObject({
  version: z.string(),
  state: z.enum(['starting', 'running', 'stopping']),
  inFlight: z.int().describe('Requests in progress.'),
  ...ModelStates.shape,
  problems: z.array(HealthProblem).describe('What does not work as it should.'),
  usage: UsageReport.shape.models.describe('Requests and tokens since the start, by model.'),
});
export type ServerStatus = z.infer<typeof ServerStatus>;

export const RequestList = z.strictObject({
  requests: z
    .array(
      z.strictObject({
        id: z.string(),
        protocol: z.string(),
        task: z.string(),
        model: z.string(),
        tenant: z.string(),
        principal: z.string(),
        ageMs: z.int(),
      }),
    )
    .describe(`The oldest first, at most ${MOST_REQUESTS}.`),
  total: z.int().describe('How many are in progress.'),
});

export const LoadArguments = z.strictObject({ model: ModelName, keepAlive: LoadBody.shape.keepAlive });
export const UnloadArguments = z.strictObject({ model: ModelName });
export const CancelArguments = z.strictObject({
  id: z.string().min(1).max(256).describe('As list_requests gives it.'),
});

const definition = (
  name: string,
  title: string,
  description: string,
  input: z.ZodObject,
  output: z.ZodObject,
  annotations: ToolAnnotations,
): ToolDefinition => ({ name, title, description, scope: 'admin', input, output, annotations });

export const SERVER_STATUS_TOOL = definition(
  'server_status',
  'Show the state of the server',
  'Show the models in memory and what they take, requests in progress, what does not work as it should, and requests and tokens since the start.',
  NoArguments,
  ServerStatus,
  LOOKS,
);

export const LOAD_MODEL_TOOL = definition(
  'load_model',
  'Load a model',
  'Load a model ahead of its first request; answers when it is loaded. Other models may have to go for it.',
  LoadArguments,
  ModelState,
  CHANGES,
);

export const UNLOAD_MODEL_TOOL = definition(
  'unload_model',
  'Unload a model',
  'Unload a model once no request uses it, to free its memory; the next request loads it again.',
  UnloadArguments,
  ModelState,
  CHANGES,
);

export const LIST_REQUESTS_TOOL = definition(
  'list_requests',
  'List the requests in progress',
  'List the requests that are in progress, of every caller.',
  NoArguments,
  RequestList,
  LOOKS,
);

export const CANCEL_REQUEST_TOOL = definition(
  'cancel_request',
  'Cancel a request',
  'End a request in progress; its caller gets an error instead of the rest of the answer.',
  CancelArguments,
  z.strictObject({ id: z.string(), cancelled: z.int().describe('Runs that were ended; 0 when none was in progress.') }),
  { ...CHANGES, destructiveHint: true },
);
