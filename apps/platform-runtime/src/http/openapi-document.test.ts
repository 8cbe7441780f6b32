import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { serve } from './server.fixture.ts';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { properties?: Record<string, object> }>> };
}

const documentOf = async (url: string): Promise<Document> =>
  (await (await fetch(`${url}/openapi.json`)).json()) as Document;

test('is a valid OpenAPI 3.1 document without loose ends', async () => {
  const { url } = await serve();
  const document = await documentOf(url);
  const validator = new Validator();
  expect(await validator.validate(document as unknown as Record<string, unknown>)).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
    ([, id]) => id,
  );
  expect(references.length).toBeGreaterThan(20);
  for (const id of references) expect(document.components.schemas).toHaveProperty([id ?? '']);
});

test('has every route, and every path that it has is one', async () => {
  const { url } = await serve({ tiny: {} });
  const { paths } = await documentOf(url);
  // A fixed path may also be the value of another's parameter: /v1/responses/input_tokens and /v1/responses/{id}.
  const methodsOf = (path: string): string[] => {
    const methods = Object.entries(paths)
      .filter(([other]) => other === path || new RegExp(`^${other.replaceAll(/\{\w+\}/g, '[^/{]+')}$`).test(path))
      .flatMap(([, operations]) => Object.keys(operations).map((method) => method.toUpperCase()));
    return [...new Set(methods)].sort();
  };
  for (const path of Object.keys(paths)) {
    const response = await fetch(url + path.replace('{id}', 'tiny'), { method: 'PATCH' });
    const allowed = response.headers.get('allow')?.replace(', HEAD', '').split(', ');
    expect([path, allowed?.sort()]).toEqual([path, methodsOf(path)]);
  }
  expect(Object.keys(paths)).toHaveLength(62);
});

test('names what is refused', async () => {
  const { url } = await serve();
  const { schemas } = (await documentOf(url)).components;
  expect(schemas['ChatCompletionRequest']?.properties?.['audio']).toEqual({
    type: 'null',
    description: 'Other values are refused: answers are text; leave it out.',
  });
});
