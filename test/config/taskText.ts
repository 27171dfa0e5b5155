// Tasks as text for the tests of the resource, and what parseTask says about them.
import { stringify } from 'yaml';
import { parseTask } from '../../config/task.ts';

const cameras = [
  { id: 'left', source: { uri: 'left.mp4' } },
  { id: 'right', source: { uri: 'right.mp4' } },
];

/** A task with two cameras, or those of `spec`. */
export function taskText(spec: object): string {
  return stringify({
    apiVersion: 'sedna.io/v1alpha1',
    kind: 'MultiEdgeInference',
    metadata: { name: 'hall' },
    spec: { cameras, ...spec },
  });
}

/** The problems of such a task, without the place of the file; none when it is valid. */
export function problemsOf(spec: object): string[] {
  try {
    parseTask(taskText(spec), 'task.yaml');
    return [];
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => line.replace(/^task\.yaml:\d+: /, ''));
  }
}

/** What `run` throws. */
export function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}
