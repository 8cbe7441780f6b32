import type { RouteState } from '../routes/route-state.ts';
import { factLines, textTable } from './text-table.ts';

const HEADINGS = ['NAME', 'STRATEGY', 'TARGETS', 'CANARY', 'FALLBACK'];

type Canary = NonNullable<RouteState['canary']>;

const canaryText = ({ target, share, rolledBack }: Canary): string =>
  rolledBack ? `${target} (rolled back)` : `${target} ${share}%`;

const rowOf = ({ route, canary }: RouteState): string[] => [
  route.name,
  route.strategy,
  route.targets.map(({ model, weight }) => (route.strategy === 'weighted' ? `${model}=${weight}` : model)).join(', '),
  canary ? canaryText(canary) : '-',
  route.fallback.join(', ') || '-',
];

/** A table of routes for people. */
export const routeTable = (states: readonly RouteState[]): string =>
  states.length === 0
    ? 'there are no routes; set one with: golek routes set <route> <model>\n'
    : textTable(HEADINGS, states.map(rowOf));

const milliseconds = (value: number | undefined): string => (value === undefined ? '-' : `${Math.round(value)} ms`);

const percent = (part: number): string => `${Math.round(part * 1000) / 10}%`;

/** A route with how its targets and its canary do. */
export const routeDetails = (state: RouteState): string => {
  const { route, revision, targets, canary } = state;
  const facts: [string, string][] = [
    ['name', route.name],
    ['revision', String(revision)],
    ['strategy', route.strategy],
    ...(route.sticky === 'none' ? [] : [['sticky', route.sticky] satisfies [string, string]]),
    ...(route.fallback.length > 0 ? [['fallback', route.fallback.join(', ')] satisfies [string, string]] : []),
  ];
  const side = (
    name: 'canary' | 'stable',
    { attempts, errorRate, firstEventMs }: Canary['canary'],
  ): [string, string] => [
    name,
    `${attempts} attempts, ${percent(errorRate)} failed, first event ${milliseconds(firstEventMs)}`,
  ];
  if (canary) {
    facts.push(['canary of', `${canaryText(canary)}, configured ${canary.percent}%`]);
    if (canary.rolledBack) facts.push(['reason', `${canary.rolledBack.reason} (${canary.rolledBack.at})`]);
    facts.push(side('canary', canary.canary), side('stable', canary.stable));
  }
  const rows = targets.map((target) => [
    target.model,
    target.registered ? (target.blocked ?? 'ok') : 'not registered',
    `${target.inFlight} of ${target.capacity}`,
    milliseconds(target.firstEventMs),
    milliseconds(target.durationMs),
    `${percent(target.errorRate)} of ${target.attempts}`,
  ]);
  const heading = ['TARGET', 'STATE', 'IN FLIGHT', 'FIRST EVENT', 'DURATION', 'FAILED (1 MIN)'];
  return `${factLines(facts)}\n${textTable(heading, rows)}`;
};
