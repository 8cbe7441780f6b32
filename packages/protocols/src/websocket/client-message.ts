import { GolekError, nearest } from '@golek/api';
import { z } from 'zod';
import { parseBody } from '../request-body/parse-body.ts';

/** Longest id of a request on its socket: it comes back in every message about it. */
const ID_CHARACTERS = 128;

const Id = z.string().min(1).max(ID_CHARACTERS).describe("The client's name of the request, on this socket.");

const header = z.string().exactOptional();

/** What the HTTP API reads from the headers of a request. */
const Headers = z
  .strictObject({
    traceparent: header,
    'x-request-id': header,
    'x-golek-target': header,
    'x-golek-sticky': header,
    'x-golek-device': header,
    'x-golek-priority': header,
    'x-golek-timeout-ms': header,
    'x-golek-config': header,
  })
  .exactOptional();
export type MessageHeaders = NonNullable<z.output<typeof Headers>>;

/** What a request asks for; each is the body of one route of the HTTP API. */
export const SocketTask = z.enum(['chat', 'complete', 'embed', 'rerank', 'classify', 'infer']);
export type SocketTask = z.infer<typeof SocketTask>;

export const StartMessage = z.strictObject({
  type: z.literal('start'),
  id: Id,
  task: SocketTask,
  request: z.record(z.string(), z.unknown()).describe('The body of the HTTP route of the task.'),
  headers: Headers,
});
export type StartMessage = z.infer<typeof StartMessage>;

export const ToolResultMessage = z.strictObject({
  type: z.literal('tool_result'),
  id: Id,
  results: z
    .array(
      z.strictObject({
        tool_call_id: z.string().min(1),
        content: z.string(),
        is_error: z.boolean().exactOptional(),
      }),
    )
    .min(1)
    .max(128),
  tool_choice: z
    .union(
      [
        z.enum(['none', 'auto', 'required']),
        z.strictObject({ type: z.literal('function'), function: z.strictObject({ name: z.string().min(1) }) }),
      ],
      "expected 'none', 'auto', 'required' or an object that names a function",
    )
    .exactOptional(),
  headers: Headers,
});
export type ToolResultMessage = z.infer<typeof ToolResultMessage>;

export const CancelMessage = z.strictObject({ type: z.literal('cancel'), id: Id });
export const PingMessage = z.strictObject({ type: z.literal('ping'), payload: z.string().max(128).exactOptional() });

/** Everything that a client may send. */
export const ClientMessage = z
  .discriminatedUnion('type', [StartMessage, ToolResultMessage, CancelMessage, PingMessage])
  .meta({ id: 'WebSocketClientMessage' });
export type ClientMessage = z.infer<typeof ClientMessage>;

const SCHEMAS = { start: StartMessage, tool_result: ToolResultMessage, cancel: CancelMessage, ping: PingMessage };
const TYPES = Object.keys(SCHEMAS);

const isKnown = (type: unknown): type is keyof typeof SCHEMAS => typeof type === 'string' && TYPES.includes(type);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const unknownType = (type: unknown): GolekError => {
  const details = { path: 'type' };
  if (type === undefined)
    return new GolekError('invalid_request', `'type' is missing: expected one of ${TYPES.join(', ')}`, { details });
  const shown = typeof type === 'string' ? type.slice(0, 40) : typeof type;
  const hint = typeof type === 'string' ? nearest(shown, TYPES) : undefined;
  const remedy = hint === undefined ? `send one of ${TYPES.join(', ')}` : `did you mean '${hint}'?`;
  return new GolekError('invalid_request', `there is no message of the type '${shown}'; ${remedy}`, { details });
};

/**
 * Reads a message. Throws `invalid_request` or `unknown_parameter` that names the nearest type or key, with the key in `details.path`. What `request` holds is
 * looked at by `readStart`.
 */
export const readClientMessage = (json: unknown): ClientMessage => {
  if (!isObject(json)) throw new GolekError('invalid_request', 'a message is a JSON object; this is none');
  const { type } = json;
  if (!isKnown(type)) throw unknownType(type);
  return parseBody<z.ZodType<ClientMessage>>(SCHEMAS[type], json);
};

/** The id that a message which cannot be read names, where it names one. */
export const idOf = (json: unknown): string | undefined => {
  const result = Id.safeParse(isObject(json) ? json['id'] : undefined);
  return result.success ? result.data : undefined;
};
