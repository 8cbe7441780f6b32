export {
  ClientMessage,
  idOf,
  readClientMessage,
  type MessageHeaders,
  type SocketTask,
  type StartMessage,
  type ToolResultMessage,
} from './client-message.ts';
export { deltaStream, type DeltaStream } from './delta-stream.ts';
export { finishedResult } from './result-messages.ts';
export { ServerMessage, type ErrorMessage, type FinishedMessage, type StartedMessage } from './server-message.ts';
export { errorMessage, startedMessage, warningMessage, type FailedRequest } from './short-messages.ts';
export { PARAMS_OF, readStart, type GenerateCall, type ResultCall, type StartCall } from './start-call.ts';
export { offeredToken, SUBPROTOCOL } from './subprotocol.ts';
export { AnswerRecord, continued, noOpenRound, type OpenRound } from './tool-round.ts';
