// `mei export`: gives what a run has found to other tools. Reads the folder of a run, also while it goes on.
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { Camera } from '../config/schema/camera.ts';
import type { Task } from '../config/schema/resource.ts';
import { sourceTypeOf } from '../config/schema/source.ts';
import { annotateVideo } from './annotate.ts';
import {
  boxColumns,
  boxRows,
  identityColumns,
  identityRows,
  print,
  toCsv,
  toJsonLines,
  type Row,
} from './exportRows.ts';
import { findingsOf, type Findings } from './report.ts';
import { exists, numberIdentities, readMotLines, type IdentityNumbers } from './results.ts';
import { taskFileName } from './taskFile.ts';
import { writeTextFile } from './textFile.ts';
import { exitCodes, UserError } from './userError.ts';

const formats = ['mot', 'jsonl', 'csv', 'video'] as const;

interface ExportOptions {
  format: (typeof formats)[number];
  boxes: boolean;
  out?: string;
  json: boolean;
}

interface Run {
  folder: string;
  task: Task;
  findings: Findings;
  numbers: IdentityNumbers;
}

export function exportCommand(): Command {
  return new Command('export')
    .description('Give what a run has found to other tools')
    .argument('<folder>', 'of a run, such as out/two-cameras/latest')
    .addOption(new Option('-f, --format <format>', 'what to write').choices(formats).default('jsonl'))
    .option('--boxes', 'jsonl, csv: a row for each box of each frame instead of one for each person', false)
    .option('-o, --out <path>', 'jsonl, csv: file instead of standard output; mot, video: folder')
    .option('--json', 'say what was written as JSON lines', false)
    .addHelpText(
      'after',
      `
  jsonl  one person a line: number, times, tracks, and why they are one person
  csv    one track a line, with the same numbers; opens in a spreadsheet
  mot    one file for each camera, MOTChallenge format, for evaluation with TrackEval and others
  video  one annotated video for each camera that is a file

Everything stays on this machine. Numbers are the same in all formats: 1, 2, ... in the order of appearance.

Examples:
  $ mei export out/two-cameras/latest | jq .number
  $ mei export out/two-cameras/latest --format csv --out people.csv
  $ mei export out/two-cameras/latest --format csv --boxes | head
  $ mei export out/two-cameras/latest --format mot --out mot
  $ mei export out/two-cameras/latest --format video --out videos`,
    )
    .action(exportRun);
}

async function exportRun(folder: string, options: ExportOptions): Promise<void> {
  if (options.boxes && (options.format === 'mot' || options.format === 'video'))
    throw new UserError(
      `--boxes goes with jsonl and csv; ${options.format} has boxes anyway`,
      exitCodes.badInput,
    );
  const run = await readRun(folder);
  switch (options.format) {
    case 'jsonl':
      return exportRows(run, options, toJsonLines);
    case 'csv':
      return exportRows(run, options, toCsv);
    case 'mot':
      return exportMot(run, options);
    case 'video':
      return exportVideos(run, options);
  }
}

async function exportRows(
  run: Run,
  { boxes, out, json, format }: ExportOptions,
  written: (rows: AsyncIterable<Row>, head: readonly string[]) => AsyncIterable<string>,
): Promise<void> {
  const { findings, numbers, folder, task } = run;
  const cameras = task.spec.cameras.map(({ id }) => id);
  const rows = boxes
    ? boxRows(folder, cameras, numbers)
    : identityRows(findings.identities, format === 'csv');
  const lines = written(rows, boxes ? boxColumns : identityColumns);
  if (out === undefined) return print(lines);
  await writeTextFile(out, lines);
  say(json, { file: resolve(out) });
}

async function exportMot(run: Run, { out, json }: ExportOptions): Promise<void> {
  const target = await folderFor(out, 'mot');
  for (const { id } of run.task.spec.cameras) {
    const path = join(target, `${id}.txt`);
    const boxes = await writeTextFile(
      path,
      readMotLines(join(run.folder, 'cameras', id), numbersOf(run, id)),
    );
    say(json, { file: path, camera: id, boxes });
  }
}

async function exportVideos(run: Run, { out, json }: ExportOptions): Promise<void> {
  const files = run.task.spec.cameras.filter(({ source }) => sourceTypeOf(source) === 'File');
  if (files.length === 0)
    throw new UserError(
      'no camera of this run is a file: only files can be read once more',
      exitCodes.badInput,
    );
  const missing: string[] = [];
  const target = await folderFor(out, 'video');
  for (const camera of files) {
    if (!(await exists(camera.source.uri ?? '')))
      missing.push(`camera ${camera.id}: ${camera.source.uri} is gone`);
    else say(json, { file: await exportVideo(run, camera, target, json), camera: camera.id });
  }
  if (missing.length > 0) throw new UserError(missing.join('\nmei: '), exitCodes.someCamerasFailed);
}

async function exportVideo(run: Run, camera: Camera, target: string, json: boolean): Promise<string> {
  const path = join(target, `${camera.id}.mp4`);
  const style = !json && process.stdout.isTTY ? 'bars' : 'lines';
  await annotateVideo(camera, join(run.folder, 'cameras', camera.id), numbersOf(run, camera.id), style, path);
  return path;
}

function numbersOf({ numbers }: Run, camera: string): Map<string, number> {
  return numbers.get(camera) ?? new Map<string, number>();
}

async function folderFor(out: string | undefined, format: string): Promise<string> {
  if (out === undefined)
    throw new UserError(
      `--format ${format} writes several files: name their folder with --out`,
      exitCodes.badInput,
    );
  const target = resolve(out);
  await mkdir(target, { recursive: true }).catch((cause: Error) => {
    throw new UserError(
      `${out}: cannot be written: ${cause.message}; choose another --out`,
      exitCodes.failed,
      { cause },
    );
  });
  return target;
}

/** @throws UserError when `folder` is not that of a run */
async function readRun(folder: string): Promise<Run> {
  const task = await readFile(join(folder, taskFileName), 'utf8').catch(async (cause: Error) => {
    const isThere = await stat(folder).catch(() => undefined);
    const reason = isThere
      ? `it has no ${taskFileName}: name the folder that \`mei run\` printed, or run the task again`
      : 'there is no such folder; `mei run` prints where its results are';
    throw new UserError(`${folder}: ${reason}`, exitCodes.badInput, { cause });
  });
  const parsed = JSON.parse(task) as Task;
  const findings = findingsOf(resolve(folder), parsed);
  return { folder: resolve(folder), task: parsed, findings, numbers: numberIdentities(findings.identities) };
}

function say(json: boolean, written: { file: string; camera?: string; boxes?: number }): void {
  if (json) console.log(JSON.stringify({ type: 'written', ...written }));
  else console.log(written.boxes === undefined ? written.file : `${written.file}: ${written.boxes} boxes`);
}
