import { MODELS_URI, modelUri, STATUS_URI } from '@golek/protocols/mcp';
import type { MessageServer } from './golek-mcp-server.ts';
import type { McpModels, ModelChange } from './mcp-models.ts';

/** The resources whose content a change may have changed. */
export const changedResources = (change: ModelChange): readonly string[] =>
  change.kind === 'list' ? [MODELS_URI, STATUS_URI] : [modelUri(change.model), STATUS_URI];

/** Tells the client of a connection what changes, for as long as it is connected. `subscribed` absent: whatever carries the messages knows who wants them. */
export const followModels = (
  server: MessageServer,
  models: McpModels,
  subscribed: ReadonlySet<string> | undefined,
): void => {
  // A client that is gone is told by the transport, which ends the connection.
  const ignore = (): void => undefined;
  const tell = (change: ModelChange): void => {
    if (!server.transport) return;
    if (change.kind === 'list') server.sendResourceListChanged().catch(ignore);
    for (const uri of changedResources(change)) {
      if (subscribed?.has(uri) ?? true) server.sendResourceUpdated({ uri }).catch(ignore);
    }
  };
  const watching = models.watch(tell);
  server.onclose = () => watching[Symbol.dispose]();
};
