import { ErrorBody, REFUSALS } from '@golek/protocols/openai';
import { z } from 'zod';
import { HINT_HEADERS } from './request-hints.ts';
import { ROUTE_HEADER } from './route-header.ts';
import type { Route, RouteOperation } from './route.ts';
import { RESUMABLE_HEADER } from './streams/stream-keeper.ts';

type JsonObject = Record<string, unknown>;

/** JSON Schemas as OpenAPI has them: schemas with an id stand once among the components. Words say which values of a parameter are refused. */
class Components {
  readonly schemas: JsonObject = {};

  /** A reference to a schema with an id, else the schema itself. */
  refer(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
    // Inside an object, so that a schema with an id becomes a definition, also one that refers to itself.
    const converted = z.toJSONSchema(z.object({ schema }), {
      io,
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema }) => {
        const remedy = REFUSALS.get(zodSchema)?.remedy;
        if (remedy !== undefined) jsonSchema.description = `Other values are refused: ${remedy}.`;
      },
    });
    const { $defs, properties } = JSON.parse(
      JSON.stringify(converted).replaceAll('"#/$defs/', '"#/components/schemas/'),
    ) as { readonly $defs?: JsonObject; readonly properties: { readonly schema: JsonObject } };
    Object.assign(this.schemas, $defs);
    return properties.schema;
  }
}

const content = (schema: JsonObject, mediaType = 'application/json'): JsonObject => ({ [mediaType]: { schema } });

/** Names of the path's variable parts; the rest, `*`, has the name that is left in the operation's list. */
const pathOf = ({ path, operation }: Route): { readonly path: string; readonly names: readonly string[] } => {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  const rest = Object.keys(operation?.parameters ?? {}).find((name) => !names.includes(name)) ?? 'rest';
  const written = path.replaceAll(/:(\w+)/g, '{$1}');
  return path.endsWith('/*')
    ? { path: `${written.slice(0, -1)}{${rest}}`, names: [...names, rest] }
    : { path: written, names };
};

const RESUMABLE = {
  name: RESUMABLE_HEADER,
  in: 'header',
  description: 'Whether the stream can be gone on with at /v1/streams/{id} when its connection breaks.',
  schema: { type: 'string', enum: ['true', 'false'] },
};

const parametersOf = (
  { tag, parameters = {}, query = {}, chunk }: RouteOperation,
  names: readonly string[],
): object[] => [
  ...names.map((name) => ({
    name,
    in: 'path',
    required: true,
    ...(parameters[name] !== undefined && { description: parameters[name] }),
    schema: { type: 'string' },
  })),
  ...Object.entries(query).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  })),
  ...(tag === 'inference'
    ? Object.keys(HINT_HEADERS).map((name) => ({ $ref: `#/components/parameters/${name}` }))
    : []),
  ...(chunk ? [RESUMABLE] : []),
];

const UNDESCRIBED: RouteOperation = { summary: 'Not described.', tag: 'operation' };

const operationOf = (route: Route, components: Components): JsonObject => {
  const { operation = UNDESCRIBED, scope, errors } = route;
  const { summary, tag, request, requestType, response, status = 200, mediaType, others = {} } = operation;
  const { chunk, chunkType = 'text/event-stream' } = operation;
  const parameters = parametersOf(operation, pathOf(route).names);
  const answer = response ? components.refer(response, 'output') : { type: 'object' };
  return {
    summary,
    tags: [tag],
    security: scope === 'public' ? [] : scope === 'admin' ? [{ token: [] }] : [{}, { token: [] }],
    ...(parameters.length > 0 && { parameters }),
    ...(request && {
      requestBody: { required: true, content: content(components.refer(request, 'input'), requestType) },
    }),
    responses: {
      [status]: {
        description: status < 400 ? 'Success.' : 'Always: it is not done here.',
        ...(tag === 'inference' && { headers: { [ROUTE_HEADER]: { $ref: `#/components/headers/${ROUTE_HEADER}` } } }),
        ...(status !== 204 && {
          content: {
            ...content(answer, mediaType),
            ...(chunk && content(components.refer(chunk, 'output'), chunkType)),
          },
        }),
      },
      ...Object.fromEntries(
        Object.entries(others).map(([code, { description, schema }]) => [
          code,
          { description, content: content(components.refer(schema, 'output')) },
        ]),
      ),
      default: errors
        ? { description: 'A failure.', content: content(components.refer(errors.schema, 'output')) }
        : { $ref: '#/components/responses/Error' },
    },
  };
};

/** The OpenAPI 3.1 document of a server with these routes, made from the schemas that check its requests. */
export const openApiDocument = (version: string, routes: readonly Route[]): JsonObject => {
  const components = new Components();
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const { path } = pathOf(route);
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route, components);
  }
  const error = content(components.refer(ErrorBody, 'output'));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Golek',
      version,
      description:
        "OpenAI's and Ollama's API on models that Golek runs, and the server's own state and administration. Routes of plugins are not listed.",
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [
      { name: 'inference', description: "Running models, in the forms of OpenAI's, Anthropic's and Ollama's API." },
      { name: 'models', description: 'Which models there are.' },
      { name: 'tokens', description: "llama-server's form of tokenizing." },
      { name: 'files', description: 'Pictures and recordings that are used by their ids.' },
      { name: 'operation', description: 'State of the server.' },
      { name: 'administration', description: 'Watching and changing the server; needs the scope admin.' },
    ],
    paths,
    components: {
      schemas: components.schemas,
      responses: { Error: { description: 'A failure.', content: error } },
      parameters: Object.fromEntries(
        Object.entries(HINT_HEADERS).map(([name, description]) => [
          name,
          { name, in: 'header', description, schema: { type: 'string' } },
        ]),
      ),
      headers: {
        [ROUTE_HEADER]: {
          description: 'Which target answers, and why.',
          schema: { type: 'string' },
        },
      },
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description:
            "The administrator's token, or what an authenticator knows. A server on loopback without either asks nobody.",
        },
      },
    },
  };
};
