// The osls plugin: makes `npx osls print` and `npx osls package` check serverless.yml by our schema and write Knative manifests.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, URL } from 'node:url';
import { stringify } from 'yaml';
import { knativeManifests } from './manifests.js';

const providerName = 'knative';
// Generated from the schema that config/functions.ts checks with, so that both readings agree before anything is built.
const schema = JSON.parse(
  readFileSync(fileURLToPath(new URL('../config/functions.schema.json', import.meta.url)), 'utf8'),
);

export default class KnativePlugin {
  static getProviderName() {
    return providerName;
  }

  constructor(serverless, _options, { log }) {
    this.serverless = serverless;
    this.log = log;
    serverless.setProvider(providerName, this);
    serverless.configSchemaHandler.defineProvider(providerName, {
      provider: schema.provider,
      function: schema.function,
    });
    this.hooks = {
      'before:print:print': () => this.checkList(),
      'before:package:createDeploymentArtifacts': () => this.useImage(),
      'package:finalize': () => this.writeManifests(),
    };
  }

  /** What osls' own schema cannot say: exactly our stages, and every consumed event comes from somewhere. */
  checkList() {
    const functions = this.serverless.service.functions;
    const problems = [
      ...schema.stages.filter((stage) => !functions[stage]).map((stage) => `functions.${stage}: is missing`),
      ...Object.keys(functions)
        .filter((name) => !schema.stages.includes(name))
        .map((name) => `functions.${name}: is not a stage; stages are ${schema.stages.join(', ')}`),
      ...Object.entries(functions).flatMap(([name, entry]) => this.checkFunction(name, entry, functions)),
    ];
    if (problems.length > 0)
      throw new this.serverless.classes.Error(problems.join('\n'), 'WRONG_FUNCTION_LIST');
  }

  checkFunction(name, entry, functions) {
    const produced = Object.values(functions).flatMap((other) => other.produces);
    const problems = entry.consumes
      .filter((event) => !schema.fromOutside.includes(event) && !produced.includes(event))
      .map((event) => `functions.${name}.consumes: no function produces ${event}`);
    const module = entry.handler.replace(/\.[^.]*$/, '');
    const folder = this.serverless.serviceDir;
    if (!existsSync(join(folder, `${module}.ts`)) && !existsSync(join(folder, 'dist', `${module}.js`)))
      problems.push(`functions.${name}.handler: there is no module ${module}.ts`);
    if (entry.scaling.min > entry.scaling.max)
      problems.push(`functions.${name}.scaling.min: must not be greater than max`);
    return problems;
  }

  /** A function with an image is not zipped: workers run from the image. */
  useImage() {
    this.checkList();
    const { functions, provider } = this.serverless.service;
    for (const entry of Object.values(functions)) entry.image = provider.image;
  }

  writeManifests() {
    const { functions, provider, service } = this.serverless.service;
    const folder = join(this.serverless.serviceDir, '.serverless', 'knative');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, entry] of Object.entries(functions)) {
      if (entry.placement === 'edge') {
        this.log.notice(
          `${name} runs on edge nodes as a Deployment that the controller makes: no Knative manifest`,
        );
        continue;
      }
      const objects = knativeManifests(service, provider.image, name, entry, schema);
      writeFileSync(
        join(folder, `${name}.yaml`),
        objects.map((object) => `---\n${stringify(object)}`).join(''),
      );
      this.log.notice(`${name}: .serverless/knative/${name}.yaml`);
    }
  }
}
