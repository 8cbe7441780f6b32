import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { GolekError, type Principal } from '@golek/api';
import {
  jsonContents,
  MODEL_TEMPLATE,
  MODEL_URI_TEMPLATE,
  modelOfUri,
  modelResource,
  MODELS_RESOURCE,
  MODELS_URI,
  pageOf,
  STATUS_RESOURCE,
  STATUS_URI,
  type WireResource,
} from '@golek/protocols/mcp';
import { followModels } from './follow-models.ts';
import type { McpConnection, MessageServer } from './golek-mcp-server.ts';
import type { McpHost } from './mcp-host.ts';

/** Resources that one connection may be subscribed to. */
const MOST_SUBSCRIPTIONS = 256;
/** Most suggestions of one answer, as the protocol has it. */
const MOST_COMPLETIONS = 100;

const administers = ({ scopes }: Principal): boolean => scopes.includes('admin');

const wrong = (message: string): ProtocolError => new ProtocolError(ProtocolErrorCode.InvalidParams, message);

/** The models and the state of the server as resources of a connection. */
export const serveResources = (server: MessageServer, host: McpHost, { callerOf, tells }: McpConnection): void => {
  const subscribed = new Set<string>();
  const principalOf = (context: ServerContext): Principal => callerOf(context).principal;

  const valueAt = (uri: string, principal: Principal): unknown => {
    if (uri === MODELS_URI) return { models: host.models.list(principal) };
    if (uri === STATUS_URI) return administers(principal) ? host.status() : undefined;
    const name = modelOfUri(uri);
    return name === undefined ? undefined : host.models.describe(name, principal);
  };

  /** What the caller may not see is not there for it. */
  const found = (uri: string, principal: Principal): unknown => {
    const value = valueAt(uri, principal);
    if (value !== undefined) return value;
    throw new ResourceNotFoundError(
      uri,
      `no resource has the address '${uri.slice(0, 256)}'; resources/list shows what there is`,
    );
  };

  server.setRequestHandler('resources/list', ({ params }, context) => {
    const principal = principalOf(context);
    const all: WireResource[] = [
      MODELS_RESOURCE,
      ...(administers(principal) ? [STATUS_RESOURCE] : []),
      ...host.models.list(principal).map(modelResource),
    ];
    try {
      const { items, nextCursor } = pageOf(all, ({ uri }) => uri, params?.cursor);
      return { resources: [...items], ...(nextCursor !== undefined && { nextCursor }) };
    } catch (thrown) {
      throw wrong(GolekError.from(thrown).message);
    }
  });

  server.setRequestHandler('resources/templates/list', () => ({ resourceTemplates: [MODEL_TEMPLATE] }));

  server.setRequestHandler('resources/read', ({ params: { uri } }, context) =>
    jsonContents(uri, found(uri, principalOf(context))),
  );

  server.setRequestHandler('resources/subscribe', ({ params: { uri } }, context) => {
    found(uri, principalOf(context));
    if (subscribed.size >= MOST_SUBSCRIPTIONS && !subscribed.has(uri)) {
      throw wrong(
        `this connection is subscribed to ${MOST_SUBSCRIPTIONS} resources, which is the limit; unsubscribe from some`,
      );
    }
    subscribed.add(uri);
    return {};
  });

  server.setRequestHandler('resources/unsubscribe', ({ params: { uri } }) => {
    subscribed.delete(uri);
    return {};
  });

  server.setRequestHandler('completion/complete', ({ params: { ref, argument } }, context) => {
    if (ref.type !== 'ref/resource' || ref.uri !== MODEL_URI_TEMPLATE || argument.name !== 'name') {
      throw wrong(`only 'name' of the resource template '${MODEL_URI_TEMPLATE}' is completed`);
    }
    const names = host.models
      .list(principalOf(context))
      .map(({ name }) => name)
      .filter((name) => name.startsWith(argument.value));
    const values = names.slice(0, MOST_COMPLETIONS);
    return { completion: { values, total: names.length, hasMore: names.length > values.length } };
  });

  if (tells !== 'no') followModels(server, host.models, tells === 'all' ? undefined : subscribed);
};
