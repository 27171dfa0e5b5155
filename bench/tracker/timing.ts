// Timed passes of our tracker, for main.ts, in a fresh process as each Python tracker has one. Arguments: data folder,
// MOT15 or crowd, passes.
import { publicSequences } from '../accuracy/sequences.ts';
import { crowdSequences } from '../accuracy/simulatedCrowd.ts';
import { runOurs } from './ours.ts';

const [dataFolder, scene, passes] = process.argv.slice(2) as [string, string, string];
const sequences = scene === 'crowd' ? crowdSequences(dataFolder) : publicSequences(dataFolder);
const { seconds, frames, residentBytes } = runOurs(sequences, 1, Number(passes));
console.log(JSON.stringify({ seconds, frames, residentBytes }));
