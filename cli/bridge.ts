// `mei bridge`: hands on what a task finds to MQTT and webhooks, for as long as it runs.
import { Command } from 'commander';
import { ConfigError } from '../config/validation/configError.ts';
import { runBridge } from '../functions/bridge/bridge.ts';
import { readBridgeConfig } from '../functions/bridge/config.ts';
import { createLog } from '../functions/host/log.ts';
import { exitCodes, UserError } from './userError.ts';

export function bridgeCommand(): Command {
  return new Command('bridge')
    .description('Hand on what a task finds to MQTT (with Home Assistant) and webhooks, until Ctrl-C')
    .argument(
      '<bridge.yaml>',
      'which console to follow and where to hand on to; paths in it are relative to the file',
    )
    .option('--check', 'only check the file', false)
    .option('--json', 'with --check: print JSON; the log is JSON lines anyway', false)
    .addHelpText(
      'after',
      `
docs/integrations.md describes the file, the topics and the events.

Examples:
  $ mei bridge --check bridge.yaml
  $ mei bridge bridge.yaml`,
    )
    .action(bridge);
}

async function bridge(path: string, { check, json }: { check: boolean; json: boolean }): Promise<void> {
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => ending.abort());
  try {
    const config = readBridgeConfig(path);
    if (!check) return await runBridge({ config, log: createLog('info', {}), signal: ending.signal });
    const { webhooks, mqtt } = config;
    if (json) console.log(JSON.stringify({ file: path, valid: true }));
    else console.log(`${path}: ${webhooks.length} webhooks${mqtt ? `, ${mqtt.url}` : ''}`);
  } catch (error) {
    const code = error instanceof ConfigError ? exitCodes.badInput : exitCodes.failed;
    throw new UserError((error as Error).message, code, { cause: error });
  }
}
