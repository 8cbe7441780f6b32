import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { GRPCInferenceServiceDefinition as SERVICE, type MessageFns } from '@golek/protocols/kserve/wire';

const bytesOf = (type: unknown, message: unknown): Buffer => {
  const bytes = (type as MessageFns<unknown>).encode(message).finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
};

const methodOf = ({
  name,
  requestType,
  responseType,
  requestStream,
  responseStream,
}: (typeof SERVICE.methods)[keyof typeof SERVICE.methods]): MethodDefinition<unknown, unknown> => ({
  path: `/${SERVICE.fullName}/${name}`,
  requestStream,
  responseStream,
  requestSerialize: (message) => bytesOf(requestType, message),
  requestDeserialize: (bytes) => requestType.decode(bytes),
  responseSerialize: (message) => bytesOf(responseType, message),
  responseDeserialize: (bytes) => responseType.decode(bytes),
});

/** The service as the gRPC library takes it. */
export const INFERENCE_SERVICE = Object.fromEntries(
  Object.entries(SERVICE.methods).map(([name, method]) => [name, methodOf(method)]),
) as ServiceDefinition;
