export { JsonTensor, jsonTensor, readTensor, tensorValues, type TensorEncoding } from './json-tensor.ts';
export { ELEMENT_CODECS, type ElementCodec, type ElementValue } from './tensor-elements.ts';
export { INFER_PARAMS, InferBody, inferBody, readInferRequest, type InferCall } from './tensor-request.ts';
export { InferResponse, inferResponse, outputsOf } from './tensor-response.ts';
