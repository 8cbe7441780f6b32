export { weaknessOf } from './authentication.ts';
export { createHttpServer, type HttpConfig, type HttpDeps, type HttpServer } from './http-server.ts';
export type { HealthProblem, HealthReport, RuntimeState } from './health.ts';
export type { HttpAddress } from './listen.ts';
export type { Route } from './route.ts';
