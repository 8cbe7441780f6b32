import { existsSync } from 'node:fs';
import path from 'node:path';
import { ERROR_CODES } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { errorReference } from './error-reference.ts';
import { projects, read, repositoryFiles, ROOT, type Manifest } from './repository.ts';

const files = repositoryFiles().filter((file) => existsSync(path.join(ROOT, file)));
const sources = files.filter((file) => /^(packages|apps)\/[^/]+\/src\/.*\.ts$/.test(file));
const production = sources.filter((file) => !/\.(test|fixture)\.ts$/.test(file));
const published = projects().filter(({ manifest }) => !manifest.private);

describe('error codes', () => {
  it('are all documented: docs/reference/errors.md is what the catalogue makes (npm run docs)', () => {
    expect(read('docs/reference/errors.md')).toBe(errorReference());
  });

  it.each(ERROR_CODES)('%s is raised somewhere', (code) => {
    const raised = production.some((file) => !file.endsWith('error-catalogue.ts') && read(file).includes(`'${code}'`));
    expect(raised).toBe(true);
  });
});

describe.each(published)('$manifest.name', ({ folder, manifest }) => {
  it('can be published: description, licence, engines, README, exports, the common version', () => {
    const root = JSON.parse(read('package.json')) as Manifest;
    expect(manifest).toMatchObject({ version: root.version, license: 'Apache-2.0', engines: { node: '>=24' } });
    expect(manifest.description).toBeTruthy();
    expect(manifest.exports).toBeTruthy();
    expect(manifest.nx?.tags).toHaveLength(1);
    for (const file of ['README.md', 'LICENSE']) expect(files).toContain(`${folder}/${file}`);
  });

  it('has a README with a runnable example of at most 15 lines', () => {
    const example = /<!-- example -->\n```ts\n([\s\S]*?)```/.exec(read(`${folder}/README.md`))?.[1];
    expect(example, 'a ```ts block after a line <!-- example -->').toBeTruthy();
    expect(example?.trimEnd().split('\n').length).toBeLessThanOrEqual(15);
  });
});

describe('dependencies', () => {
  it.each([{ folder: '.', manifest: JSON.parse(read('package.json')) as Manifest }, ...projects()])(
    'of $folder are exact versions',
    ({ manifest }) => {
      const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
      for (const [name, version] of Object.entries(all))
        expect(version, name).toMatch(/^(npm:[^@]+@|npm:@[^@]+@)?\d+\.\d+\.\d+$/);
    },
  );
});

describe('the repository', () => {
  const text = files.filter((file) => !/\.(gguf|onnx|png|jpg|woff2)$/.test(file) && file !== 'package-lock.json');
  // Put together here, so that this file does not find itself.
  const forbidden = [
    ['', 'work', 'main'],
    ['', 'work', 'shared'],
    ['', 'tmp', 'golek'],
    ['', 'root', ''],
  ].map((parts) => parts.join('/'));

  it('names no path of the machine that it was written on', () => {
    const found = text.filter((file) => forbidden.some((place) => read(file).includes(place)));
    expect(found).toEqual([]);
  });

  it('locks no registry address', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved": "https?:/);
  });

  it('links only to files that exist', () => {
    const broken = files
      .filter((file) => file.endsWith('.md'))
      .flatMap((file) =>
        [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)/g)]
          .map((match) => path.join(path.dirname(file), match[1] as string))
          .filter((target) => !existsSync(path.join(ROOT, target)))
          .map((target) => `${file}: ${target}`),
      );
    expect(broken).toEqual([]);
  });
});
