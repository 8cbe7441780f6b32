import type { ObserverContribution } from '@golek/plugins-api';
import type { UsageMeter } from '../usage-meter.ts';

/** OBSERVABILITY: adds each call's tokens and outcome to the meter, under the model that answered. */
export const usagePhase = (meter: UsageMeter): ObserverContribution => ({
  phase: 'OBSERVABILITY',
  name: 'golek.usage',
  observe: () => {
    let model: string | undefined;
    let promptTokens = 0;
    let completionTokens = 0;
    return {
      event: (event) => {
        if (event.type === 'start') model = event.model;
        else if (event.type === 'usage') ({ promptTokens, completionTokens } = event.usage);
      },
      end: ({ status }) => {
        meter.record({ model, status, promptTokens, completionTokens });
      },
    };
  },
});
