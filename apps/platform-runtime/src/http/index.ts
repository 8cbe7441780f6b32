export { createHttpServer, type HttpConfig, type HttpDeps, type HttpServer } from './http-server.ts';
export type { HttpAddress } from './listen.ts';
export type { Route, RouteScope } from './route.ts';
