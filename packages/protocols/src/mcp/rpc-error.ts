import { ERROR_CODES, type ErrorCode, type GolekError } from '@golek/api';
import { z } from 'zod';

/** JSON-RPC's error in place of an answer, for what fails before a method is looked at. `data.code` is a code of Golek's catalogue. */
export const RpcErrorBody = z
  .strictObject({
    jsonrpc: z.literal('2.0'),
    id: z.null(),
    error: z.strictObject({
      code: z.int(),
      message: z.string(),
      data: z.strictObject({ code: z.enum(ERROR_CODES as [string, ...string[]]), retryable: z.boolean() }),
    }),
  })
  .meta({ id: 'RpcError' });
export type RpcErrorBody = z.infer<typeof RpcErrorBody>;

/** JSON-RPC leaves -32000 to -32099 to servers; the others are its own. */
const RPC_CODES: Partial<Record<ErrorCode, number>> = {
  invalid_json: -32700,
  invalid_request: -32600,
  unsupported_media_type: -32600,
  internal: -32603,
};

export const rpcErrorBody = ({ code, message, retryable }: GolekError): RpcErrorBody => ({
  jsonrpc: '2.0',
  id: null,
  error: { code: RPC_CODES[code] ?? -32000, message, data: { code, retryable } },
});
