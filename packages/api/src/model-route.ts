import { z } from 'zod';

/** Ways to order the targets of a route. docs/guide/routing.md explains each. */
export const ROUTING_STRATEGIES = [
  'priority',
  'round-robin',
  'weighted',
  'random',
  'least-loaded',
  'lowest-latency',
  'lowest-cost',
  'user-selected',
  'scored',
] as const;
export const RoutingStrategy = z.enum(ROUTING_STRATEGIES);
export type RoutingStrategy = z.infer<typeof RoutingStrategy>;

/** What requests have in common that shall go to the same target. */
export const StickyKey = z.enum(['none', 'tenant', 'user', 'principal', 'hint']);
export type StickyKey = z.infer<typeof StickyKey>;

/** Strategies that leave a choice which a sticky key can take. */
const STICKY_STRATEGIES: ReadonlySet<RoutingStrategy> = new Set([
  'round-robin',
  'weighted',
  'random',
  'least-loaded',
] as const);

const Name = z.string().min(1).max(128);

export const RouteTarget = z.strictObject({
  model: Name.describe('Name of a registered model.'),
  weight: z.number().min(0).max(1_000_000).default(1).describe('Share under `weighted`; 0: only when others fail.'),
  cost: z
    .strictObject({ input: z.number().min(0), output: z.number().min(0) })
    .default({ input: 0, output: 0 })
    .describe('Price of a million tokens of prompt (`input`) and of answer (`output`), in any one currency.'),
  priority: z.int().min(-1000).max(1000).default(0).describe('Under `priority`, lower numbers go first.'),
  tags: z
    .array(z.string().min(1).max(64))
    .max(16)
    .readonly()
    .default([])
    .describe('Further words by which a caller may select this target.'),
});
export type RouteTarget = z.infer<typeof RouteTarget>;

export const CanaryRollback = z.strictObject({
  minRequests: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(20)
    .describe('Attempts of a side before it is judged; failures that are too many for so many already count at once.'),
  maxErrorRate: z.number().min(0).max(1).default(0.1).describe('Most failed attempts, as a part of 1.'),
  maxErrorIncrease: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe("Most that the canary's error rate may be above the stable side's. Absent: not looked at."),
  maxLatencyRatio: z
    .number()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      "Most that the canary's mean time to the first event may be of the stable side's. Absent: not looked at.",
    ),
  windowMs: z.int().min(1000).max(86_400_000).default(60_000).describe('Attempts of the last so many ms are judged.'),
});
export type CanaryRollback = z.infer<typeof CanaryRollback>;

export const Canary = z.strictObject({
  target: Name.describe('Model that gets a part of the requests; not one of the `targets`.'),
  percent: z.number().min(0).max(100).describe('Part of the callers, or of the requests without a key.'),
  sticky: StickyKey.default('user').describe('Requests with the same key stay on one side.'),
  rollback: CanaryRollback.prefault({}).describe('When the canary is ended by itself.'),
});
export type Canary = z.infer<typeof Canary>;

const ScoreWeights = z.strictObject({
  latency: z.number().min(0).max(1000).default(1),
  load: z.number().min(0).max(1000).default(1),
  errors: z.number().min(0).max(1000).default(2),
  cost: z.number().min(0).max(1000).default(1),
});
export type ScoreWeights = z.infer<typeof ScoreWeights>;

/** A name that clients use as a model's, and the models behind it. An alias is a route with one target. */
export const ModelRoute = z
  .strictObject({
    name: Name.describe('Name in requests; not that of a model.'),
    strategy: RoutingStrategy.default('priority').describe('How the targets are ordered.'),
    targets: z.array(RouteTarget).min(1).max(64).readonly().describe('Models that answer.'),
    fallback: z
      .array(Name)
      .max(16)
      .readonly()
      .default([])
      .describe('Models or routes to be tried, in this order, when every target failed.'),
    sticky: StickyKey.default('none').describe('Requests with the same key go to the same target.'),
    score: ScoreWeights.optional().describe('What counts how much under `scored`.'),
    canary: Canary.optional().describe('A model that is tried out on a part of the requests.'),
  })
  .superRefine((route, context) => {
    const refuse = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    const models = new Set(route.targets.map(({ model }) => model));
    if (models.size < route.targets.length) refuse('targets', 'two targets name the same model');
    if (models.has(route.name)) refuse('targets', `route '${route.name}' names itself as a target`);
    if (route.fallback.includes(route.name)) refuse('fallback', `route '${route.name}' falls back to itself`);
    if (route.canary && models.has(route.canary.target)) {
      refuse('canary', `the canary '${route.canary.target}' is one of the targets; take it out of 'targets'`);
    }
    if (route.strategy === 'weighted' && route.targets.every(({ weight }) => weight === 0)) {
      refuse('targets', 'every target has the weight 0');
    }
    if (route.score && route.strategy !== 'scored') {
      refuse('score', `'score' is for the strategy 'scored', the route has '${route.strategy}'`);
    }
    if (route.sticky !== 'none' && !STICKY_STRATEGIES.has(route.strategy)) {
      const usable = [...STICKY_STRATEGIES].join(', ');
      refuse('sticky', `a sticky key has no effect under '${route.strategy}'; it works with ${usable}`);
    }
  });
export type ModelRoute = z.infer<typeof ModelRoute>;
/** A route as it may be written: with everything left out that has a default. */
export type ModelRouteInput = z.input<typeof ModelRoute>;
