import path from 'node:path';
import { defaultServerConditions } from 'vite';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

const conditions = ['@golek/source', ...defaultServerConditions];

/** Vitest settings that every package shares: tests run from TypeScript source, without a build. */
export const project = (folder: string): ViteUserConfig =>
  defineConfig({
    root: folder,
    cacheDir: path.join(folder, 'node_modules/.vite'),
    ssr: { resolve: { conditions, externalConditions: ['@golek/source'] } },
    test: {
      name: path.basename(folder),
      include: ['src/**/*.test.ts'],
      pool: 'forks',
      maxWorkers: 2,
      testTimeout: 30_000,
      hookTimeout: 60_000,
      reporters: ['default', ['json', { outputFile: path.join(folder, 'test-results/report.json') }]],
      fsModuleCache: false,
    },
  });
