export type { Behaviour, Moment } from './behaviour.ts';
export { FAULTS, type FaultName } from './faults.ts';
export { FaultyUpstream, startFaultyUpstream, type FaultyUpstreamOptions } from './faulty-upstream.ts';
export {
  TEST_CA,
  TEST_CLIENT_CERTIFICATE,
  TEST_CLIENT_KEY,
  TEST_SERVER_CERTIFICATE,
  TEST_SERVER_KEY,
} from './test-certificates.ts';
export type { UpstreamCall } from './upstream-call.ts';
export type { GrpcBehaviour } from './grpc/grpc-behaviour.ts';
export { GRPC_FAULTS, type GrpcFaultName } from './grpc/grpc-faults.ts';
export { startFaultyGrpc, type FaultyGrpc, type FaultyGrpcOptions } from './grpc/faulty-grpc.ts';
