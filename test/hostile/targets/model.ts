// Model files with things wrong. Digests keep them out; this is what happens to a model whose digest somebody gave in good faith.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultModels, resolveModel } from '../../../config/models.ts';
import type { ModelConfig } from '../../../config/worker.ts';
import { PermanentError } from '../../../functions/function.ts';
import { openDetector, openEmbedder } from '../../../functions/media/inference.ts';
import { ensureModel } from '../../../functions/media/models.ts';
import { mutateBytes } from '../mutations.ts';
import { checkRefusal, type OpenTarget } from '../target.ts';

export const open: OpenTarget = async (folder) => {
  const good = await readFile(await ensureModel(resolveModel(defaultModels.embed, 'embed')));
  const model: ModelConfig = {
    name: 'hostile',
    task: 'embed',
    uri: 'x',
    sha256: '',
    input: { width: 64, height: 128, resize: 'stretch' },
    dimensions: 256,
  };
  const crop = new Uint8Array(64 * 128 * 3);
  return {
    async run(dice) {
      const path = join(folder, 'hostile.onnx');
      // The graph stands at both ends of the file, the weights between: those would only give other numbers.
      const head = 2000 + dice.below(6000);
      const spoilt = dice.onceIn(2)
        ? Buffer.concat([mutateBytes(dice, good.subarray(0, head)), good.subarray(head)])
        : Buffer.concat([good.subarray(0, -head), mutateBytes(dice, good.subarray(-head))]);
      await writeFile(path, dice.onceIn(8) ? mutateBytes(dice, good) : spoilt);
      const isDetector = dice.onceIn(4);
      const opening = isDetector
        ? openDetector(path, { ...model, task: 'detect' }, 1)
        : openEmbedder(path, model, 1);
      try {
        const run = await opening;
        try {
          await run(crop, 1);
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          return 'refused';
        }
        return 'taken';
      } catch (error) {
        if (!(error instanceof PermanentError)) throw error;
        checkRefusal(error.message.replaceAll(folder, ''));
        return 'refused';
      }
    },
  };
};
