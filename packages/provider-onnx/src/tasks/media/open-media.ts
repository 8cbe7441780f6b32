import type { InferenceRequest, RunContext } from '@golek/providers-spi';
import type { Parts } from '../open-tasks.ts';
import { AudioClassifier } from './audio-classification.ts';
import { ImageClassifier } from './image-classification.ts';
import type { MediaDetail, OpenMediaOptions } from './media-plan.ts';
import { VoiceDetector } from './voice-activity.ts';

/** Makes a model for pictures or recordings ready to work. */
export const openMedia = (detail: MediaDetail, options: OpenMediaOptions): Parts => {
  const model = modelOf(detail, options);
  return {
    options: [detail.task === 'image-classify' ? 'input.image' : 'input.audio'],
    get load() {
      return model.load;
    },
    run: (request: InferenceRequest, context: RunContext) =>
      request.task === 'classify' ? model.run(request, context) : undefined,
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  };
};

const modelOf = (detail: MediaDetail, options: OpenMediaOptions): ImageClassifier | AudioClassifier | VoiceDetector => {
  switch (detail.task) {
    case 'image-classify':
      return new ImageClassifier(detail, options);
    case 'audio-classify':
      return new AudioClassifier(detail, options);
    case 'voice-activity':
      return new VoiceDetector(detail, options);
  }
};
