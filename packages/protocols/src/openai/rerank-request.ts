import { RerankRequest as CanonicalRerank } from '@golek/api';
import { z } from 'zod';
import { ModelName, User } from './common-fields.ts';
import { invalid, parseBody } from '../request-body/parse-body.ts';
import { limited, refused } from '../request-body/refusals.ts';
import { RERANK_PARAMS, type WireParams } from './wire-params.ts';

/** Most documents of one request. */
const MAX_DOCUMENTS = 2048;

const RankedDocument = z
  .union([z.string(), z.looseObject({ text: z.string() })], "expected a string or an object with 'text'")
  .describe("A text, or an object with a 'text'; what else it has is given back with 'return_documents'.");

/** The body of POST /v1/rerank: Cohere's (version 1 and 2), Jina's and llama-server's. */
export const RerankBody = z
  .strictObject({
    model: ModelName,
    query: z.union(
      [z.string().min(1), z.strictObject({ text: z.string().min(1) })],
      "expected a non-empty string or an object with 'text'",
    ),
    documents: z.array(RankedDocument).min(1),
    top_n: CanonicalRerank.shape.top.nullable().describe('How many results. Default: all.'),
    return_documents: z.boolean().nullish().describe('Give the documents back with their scores. Default false.'),
    max_tokens_per_doc: refused('documents are never cut; one that is too long is an error'),
    max_chunks_per_doc: refused('documents are never cut in parts; send the parts as documents'),
    rank_fields: limited(z.tuple([z.literal('text')]).nullish(), "put what counts into the document's 'text'"),
    truncation: limited(z.literal(false).nullish(), "texts are cut only where the model's files say so; leave it out"),
    max_doc_length: refused('documents are never cut; one that is too long is an error'),
    max_query_length: refused('queries are never cut; one that is too long is an error'),
    priority: refused("use the header 'x-golek-priority'"),
    return_embeddings: refused('use /v1/embeddings'),
    user: User,
  })
  .meta({ id: 'RerankRequest' });

export interface RerankCall {
  readonly request: CanonicalRerank;
  /** What goes back with each score, by the document's index; absent: nothing. */
  readonly returned?: readonly ({ readonly text: string } & Readonly<Record<string, unknown>>)[];
  readonly params: WireParams;
}

/** Reads a body. Throws `invalid_request`, `unknown_parameter` or `unsupported`, with the parameter in `details.path`. */
export const readRerankRequest = (json: unknown): RerankCall => {
  const body = parseBody(RerankBody, json);
  const documents = body.documents.map((document) => (typeof document === 'string' ? document : document.text));
  if (documents.length > MAX_DOCUMENTS) {
    throw invalid(
      'documents',
      `${documents.length} documents are more than the limit of ${MAX_DOCUMENTS}; send several requests`,
    );
  }
  return {
    request: {
      task: 'rerank',
      model: body.model,
      query: typeof body.query === 'string' ? body.query : body.query.text,
      documents,
      ...(body.top_n != null && { top: body.top_n }),
      ...(body.user != null && { user: body.user }),
    },
    ...(body.return_documents && {
      returned: body.documents.map((document) => (typeof document === 'string' ? { text: document } : document)),
    }),
    params: RERANK_PARAMS,
  };
};
