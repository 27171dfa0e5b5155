// The part of the controller's environment that is about local controllers; controller/settings.ts calls it.
import type { LinkFiles } from './server.ts';

export interface LinkSettings {
  port: number;
  files: LinkFiles;
}

/**
 * MEI_LINK_PORT, MEI_LINK_CERT, MEI_LINK_KEY, MEI_LINK_TOKENS, MEI_LINK_CLIENT_CA; without MEI_LINK_PORT there are no
 * local controllers.
 */
export function readLinkSettings(env: NodeJS.ProcessEnv, problems: string[]): LinkSettings | undefined {
  if (!env['MEI_LINK_PORT']) return undefined;
  const port = Number(env['MEI_LINK_PORT']);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    problems.push(
      `MEI_LINK_PORT: must be a whole number from 0 to 65535, not ${JSON.stringify(env['MEI_LINK_PORT'])}`,
    );
  const path = (name: string, what: string) => {
    const value = env[name];
    if (!value) problems.push(`${name}: must name ${what}, because MEI_LINK_PORT is set`);
    return value ?? '';
  };
  const clientCa = env['MEI_LINK_CLIENT_CA'];
  return {
    port,
    files: {
      certificate: path('MEI_LINK_CERT', "the file with the server's certificate"),
      key: path('MEI_LINK_KEY', "the file with the certificate's key"),
      tokensFolder: path('MEI_LINK_TOKENS', 'the folder with the digests of node tokens'),
      ...(clientCa && { clientCa }),
    },
  };
}
