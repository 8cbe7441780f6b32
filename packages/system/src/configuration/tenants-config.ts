import { z } from 'zod';
import { configSection } from './config-section.ts';

const MAX_TENANTS = 10_000;

/** Settings of single tenants: `acme: { limits.maxOutputTokens: 500 }`. Which keys may stand there and what they take is checked against the other sections. */
export const tenantsConfig = configSection(
  'tenants',
  z
    .record(z.string().min(1).max(128), z.record(z.string(), z.unknown()))
    .refine((tenants) => Object.keys(tenants).length <= MAX_TENANTS, `more than ${MAX_TENANTS} tenants`)
    .default({})
    .describe(
      'Settings of single tenants, by name of the tenant and key: `acme: { limits.maxOutputTokens: 500 }`. Keys that allow it are marked in the tables.',
    )
    .meta({ live: true }),
);
