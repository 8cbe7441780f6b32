import { isJSONRPCNotification, type RequestId } from '@modelcontextprotocol/server';

const cancelled = (message: unknown): RequestId[] => {
  if (!isJSONRPCNotification(message) || message.method !== 'notifications/cancelled') return [];
  const id = (message.params as { readonly requestId?: unknown } | undefined)?.requestId;
  return typeof id === 'string' || typeof id === 'number' ? [id] : [];
};

/** The ids of the requests that a body, one message or several, cancels. */
export const cancelledIn = (body: unknown): RequestId[] => (Array.isArray(body) ? body : [body]).flatMap(cancelled);
