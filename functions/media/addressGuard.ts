// Checks every address before this worker connects to it because a task said so: downloads and cameras go through here.
import { lookup as lookUp, type LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { isIP, type LookupFunction } from 'node:net';
import { promisify } from 'node:util';
import { parseNetworks, type Networks } from '../../config/networks.ts';
import { ConfigError } from '../../config/validation/configError.ts';
import { PermanentError, TransientError } from '../function.ts';

/** What of a URL is compared with the allow-list. */
interface Place {
  /** With colon. */
  protocol: string;
  hostname: string;
}

/** Names of settings and what they are without being set. */
const kinds = {
  camera: { networks: 'MEI_CAMERA_NETWORKS', hosts: 'MEI_CAMERA_HOSTS', usually: 'public,private' },
  download: { networks: 'MEI_DOWNLOAD_NETWORKS', hosts: 'MEI_DOWNLOAD_HOSTS', usually: 'public' },
  notice: { networks: 'MEI_NOTICE_NETWORKS', hosts: 'MEI_NOTICE_HOSTS', usually: 'public,private' },
} as const;

/** A name server that is away must not hold up a camera's loop for longer. */
const resolveMs = 10_000;

const resolveName = promisify(lookUp);

/** For a person's own machine: tasks there are written by the person who runs them. */
export const ownMachine = 'public,private,loopback';

export class AddressGuard {
  readonly #kind: keyof typeof kinds;
  readonly #networks: Networks;
  readonly #hosts: readonly string[];

  /**
   * @param networks such as `public,private,loopback,169.254.7.0/24`
   * @param hosts such as `https://models.example,*.cameras.example`; empty: all
   * @throws ConfigError
   */
  constructor(kind: keyof typeof kinds, networks: string, hosts = '') {
    this.#kind = kind;
    this.#networks = parseNetworks(networks, kinds[kind].networks);
    this.#hosts = hosts
      .toLowerCase()
      .split(',')
      .map((each) => each.trim())
      .filter(Boolean);
    const wrong = this.#hosts.filter((each) => !/^([a-z]+:\/\/)?(\*\.)?[a-z0-9.:[\]_-]+$/.test(each));
    if (wrong.length > 0)
      throw new ConfigError(
        wrong.map(
          (each) =>
            `${kinds[kind].hosts}: ${JSON.stringify(each)} is not a host such as https://models.example`,
        ),
      );
  }

  /**
   * What a connection to `place` may use: the address itself, or one that its name means now.
   * @throws PermanentError for what may not be connected to, TransientError for a name that cannot be resolved
   */
  async resolve(place: Place, signal?: AbortSignal): Promise<string> {
    this.check(place);
    const host = bare(place.hostname);
    if (isIP(host.split('%', 1)[0]!) !== 0) return host;
    const limit = AbortSignal.timeout(resolveMs);
    const late = once(signal === undefined ? limit : AbortSignal.any([limit, signal]), 'abort').then(() => {
      throw new Error('no answer');
    });
    const found = await Promise.race([resolveName(host, { all: true, verbatim: true }), late]).catch(
      (cause: unknown) => {
        throw new TransientError(`${host}: the name cannot be resolved`, { cause });
      },
    );
    return this.#allowed(host, found)[0]!.address;
  }

  /** Host and scheme against the allow-list, and the address where it stands in the URL. @throws PermanentError */
  check({ protocol, hostname }: Place): void {
    const host = bare(hostname).toLowerCase();
    if (this.#hosts.length > 0 && !this.#hosts.some((allowed) => matches(allowed, protocol, host)))
      throw new PermanentError(
        `${protocol}//${host} is not in ${kinds[this.#kind].hosts}: this installation allows only those`,
      );
    if (isIP(host.split('%', 1)[0]!) !== 0) this.#allowed(host, [{ address: host, family: isIP(host) }]);
  }

  /** For connections by name: looks it up and gives only addresses that are allowed. */
  readonly lookup: LookupFunction = (hostname, options, done) => {
    const { family, hints } = options;
    const wanted = { all: true as const, verbatim: true, ...(family && { family }), ...(hints && { hints }) };
    lookUp(hostname, wanted, (error, found) => {
      if (error) return done(error, '', 0);
      let allowed: LookupAddress[];
      try {
        allowed = this.#allowed(hostname, found);
      } catch (refused) {
        return done(refused as Error, '', 0);
      }
      const [first] = allowed as [LookupAddress];
      if (options.all) return done(null, allowed);
      done(null, first.address, first.family);
    });
  };

  #allowed(host: string, found: LookupAddress[]): LookupAddress[] {
    const allowed = found.filter(({ address }) => this.#networks.allows(address));
    if (allowed.length > 0) return allowed;
    const { networks } = kinds[this.#kind];
    const what = found.map(({ address }) => address).join(', ');
    throw new PermanentError(
      `${host === what ? host : `${host} (${what})`} is in no network that ${networks} allows (${this.#networks.entries.join(', ')})`,
    );
  }
}

/** The guard as the environment of the worker says. @throws ConfigError */
export function guardFor(
  kind: keyof typeof kinds,
  environment: NodeJS.ProcessEnv = process.env,
): AddressGuard {
  const { networks, hosts, usually } = kinds[kind];
  return new AddressGuard(kind, environment[networks] || usually, environment[hosts]);
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function matches(allowed: string, protocol: string, host: string): boolean {
  const [, scheme, name = ''] = /^(?:([a-z]+):\/\/)?(.*)$/.exec(allowed)!;
  if (scheme !== undefined && `${scheme}:` !== protocol) return false;
  return name.startsWith('*.')
    ? host.endsWith(name.slice(1)) && host.length > name.length - 1
    : bare(name) === host;
}
