import nx from '@nx/eslint-plugin';
import * as jsonc from 'jsonc-eslint-parser';
import tseslint from 'typescript-eslint';

/** Who may import whom: the table of the architecture, by the tags in each package.json. */
const boundaries = {
  api: [],
  model: [],
  generator: [],
  'plugins-api': ['api'],
  'providers-spi': ['api'],
  core: ['api'],
  kernel: ['api', 'plugins-api', 'providers-spi'],
  protocols: ['api'],
  infrastructure: ['api', 'plugins-api', 'core', 'kernel'],
  // Protocols: for what speaks one both ways, such as KServe v2.
  provider: ['providers-spi', 'protocols'],
  system: ['api', 'plugins-api', 'providers-spi', 'core', 'kernel'],
  platform: [
    'api',
    'plugins-api',
    'providers-spi',
    'core',
    'kernel',
    'protocols',
    'infrastructure',
    'system',
    'provider',
    'model',
  ],
  portable: ['api', 'plugins-api', 'providers-spi', 'core', 'kernel', 'system', 'provider', 'model'],
  e2e: ['*'],
  tool: ['*'],
};

/** Tests may use the shipped model, the published test kit and the test tools. */
const TEST_FILES = ['**/*.test.ts', '**/testing/**/*.ts', '**/*.fixture.ts'];

const constraintsWith = (extra) =>
  Object.entries(boundaries).map(([scope, targets]) => ({
    sourceTag: `scope:${scope}`,
    onlyDependOnLibsWithTags: targets.includes('*') ? ['*'] : [...targets, ...extra].map((target) => `scope:${target}`),
  }));

const moduleBoundaries = (extra) => [
  'error',
  {
    enforceBuildableLibDependency: true,
    allow: [],
    depConstraints: constraintsWith(extra),
    banTransitiveDependencies: false,
  },
];

export default tseslint.config(
  {
    ignores: [
      '**/dist',
      'packages/create-golek-plugin/templates',
      '**/vitest.config.ts',
      '**/node_modules',
      '.nx',
      '**/*.timestamp*',
      'tools/tiny-model',
    ],
  },
  ...nx.configs['flat/base'],
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@nx/enforce-module-boundaries': moduleBoundaries([]),
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNullish: false },
      ],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-invalid-void-type': [
        'error',
        { allowAsThisParameter: true, allowInGenericTypeArguments: true },
      ],
      '@typescript-eslint/unified-signatures': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      'no-console': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    files: TEST_FILES,
    rules: {
      '@nx/enforce-module-boundaries': moduleBoundaries([
        'model',
        'providers-spi',
        'api',
        'kernel',
        'plugins-api',
        'tool',
      ]),
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
      // Clients still use what OpenAI calls deprecated, so tests do.
      '@typescript-eslint/no-deprecated': 'off',
      // Matchers such as expect.any are typed any by vitest.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: [
      'packages/{api,plugins-api,providers-spi,core,kernel,protocols,system,provider-*,infrastructure,client}/src/**/*.ts',
    ],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: "Libraries never read the environment; the application's configuration does.",
        },
      ],
    },
  },
  {
    files: ['tools/**/*.ts', 'apps/platform-runtime/src/cli/**/*.ts', 'apps/e2e/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/package.json'],
    // Dependencies that stand in tests only, or are run as commands, are not seen by the rule; knip checks them.
    ignores: ['apps/e2e/package.json', 'tools/checks/package.json'],
    languageOptions: { parser: jsonc },
    rules: {
      '@nx/dependency-checks': [
        'error',
        {
          buildTargets: ['build'],
          checkVersionMismatches: true,
          // Our declarations name its types: whoever compiles against them needs these.
          ignoredDependencies: ['@types/ws'],
          ignoredFiles: [
            '{projectRoot}/**/*.test.ts',
            '{projectRoot}/vitest.config.ts',
            '{projectRoot}/src/**/*.fixture.ts',
          ],
        },
      ],
    },
  },
);
