import { GolekError, type InferenceEvent, type TensorRequest } from '@golek/api';

/** Gives each input back as `out_NAME`, then the usage. Throws `invalid_request` for an output that is none of these. */
export const fakeTensors = ({ inputs, outputs }: TensorRequest): InferenceEvent[] => {
  const all = inputs.map((tensor) => ({ ...tensor, name: `out_${tensor.name}` }));
  const unknown = outputs?.find((name) => !all.some((tensor) => tensor.name === name));
  if (unknown !== undefined)
    throw new GolekError('invalid_request', `a fake model has no output '${unknown}'`, {
      details: { field: 'outputs' },
    });
  const wanted = all.filter(({ name }) => outputs?.includes(name) ?? true);
  return [
    ...wanted.map((tensor) => ({ type: 'tensor' as const, tensor })),
    { type: 'usage', usage: { promptTokens: 0, completionTokens: 0 } },
  ];
};
