// Which network addresses a setting means: workers check every address they connect to with it, the controller makes policies of it.
import { BlockList, isIP } from 'node:net';
import { ConfigError } from './validation/configError.ts';

/** Addresses that a setting can name by a word, as CIDR. */
export const networkWords = {
  loopback: ['127.0.0.0/8', '::1/128'],
  /** Private, carrier-grade and unique local addresses: where cameras are. */
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'],
} as const;

/** Neither private nor public; what a cloud tells its machines about themselves is in here. */
const reserved = [
  ...['0.0.0.0/8', '169.254.0.0/16', '192.0.0.0/24', '198.18.0.0/15', '224.0.0.0/4', '240.0.0.0/4'],
  ...[
    '::/128',
    '100::/64',
    '64:ff9b:1::/48',
    '2001::/32',
    '2001:db8::/32',
    'fe80::/10',
    'fec0::/10',
    'ff00::/8',
  ],
];

/** Cloud metadata: credentials of the machine for whoever asks. Only allowed when a setting names the very address. */
export const metadataAddresses = [
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fd00:ec2::254',
];

export interface Networks {
  /** As given: `public`, `private`, `loopback`, CIDR. */
  entries: readonly string[];
  /** @param address IPv4 or IPv6; an IPv4 address inside an IPv6 one counts as that. False for anything else. */
  allows(address: string): boolean;
}

/**
 * Reads a list such as `public,private,169.254.7.0/24`.
 * @throws ConfigError naming the setting
 */
export function parseNetworks(text: string, setting: string): Networks {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  const wrong = entries.filter(
    (entry) => entry !== 'public' && !Object.hasOwn(networkWords, entry) && !isCidr(entry),
  );
  if (wrong.length > 0)
    throw new ConfigError(
      wrong.map(
        (entry) =>
          `${setting}: ${JSON.stringify(entry)} is not public, private, loopback or a CIDR such as 10.0.0.0/8`,
      ),
    );
  const explicit = entries.filter(isCidr);
  const words = listOf(
    Object.entries(networkWords).flatMap(([word, ranges]) => (entries.includes(word) ? ranges : [])),
  );
  const notPublic = listOf([...Object.values(networkWords).flat(), ...reserved]);
  const cidrs = listOf(explicit);
  const metadata = listOf(metadataAddresses.map(asCidr));
  return {
    entries,
    allows(text) {
      const address = plainAddress(text);
      if (address === undefined) return false;
      if (has(metadata, address))
        return explicit.some((entry) => entry === address || entry === asCidr(address));
      if (has(cidrs, address) || has(words, address)) return true;
      return entries.includes('public') && !has(notPublic, address);
    },
  };
}

/** Exported for the policies of the controller: the CIDRs of an entry; `public` is everything. */
export function cidrsOf(entry: string): readonly string[] {
  if (entry === 'public') return ['0.0.0.0/0', '::/0'];
  if (Object.hasOwn(networkWords, entry)) return networkWords[entry as keyof typeof networkWords];
  return [isIP(entry) === 0 ? entry : asCidr(entry)];
}

function isCidr(entry: string): boolean {
  const [address = '', bits, ...more] = entry.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

function asCidr(address: string): string {
  return `${address}/${isIP(address) === 4 ? 32 : 128}`;
}

function listOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/');
    const version = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    list.addSubnet(address, bits === undefined ? (version === 'ipv4' ? 32 : 128) : Number(bits), version);
  }
  return list;
}

function has(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}

/** Without zone, and IPv4 taken out of its IPv6 disguises: mapped, compatible, NAT64, 6to4. Undefined: no address. */
function plainAddress(text: string): string | undefined {
  const address = text.split('%', 1)[0]!;
  if (isIP(address) !== 6) return isIP(address) === 4 ? address : undefined;
  const groups = groupsOf(address);
  const [first, second] = groups;
  if (first === 0x2002) return dotted(second!, groups[2]!);
  const isZero = (from: number, to: number) => groups.slice(from, to).every((group) => group === 0);
  if (first === 0x64 && second === 0xff9b && isZero(2, 6)) return dotted(groups[6]!, groups[7]!);
  const isMapped = isZero(0, 5) && groups[5] === 0xffff;
  const isTranslated = isZero(0, 4) && groups[4] === 0xffff && groups[5] === 0;
  const isCompatible = isZero(0, 6) && (groups[6] !== 0 || groups[7]! > 1);
  return isMapped || isTranslated || isCompatible ? dotted(groups[6]!, groups[7]!) : address;
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const hexadecimal = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = hexadecimal.split('::');
  const parts = (side: string) =>
    side
      .split(':')
      .filter(Boolean)
      .map((group) => parseInt(group, 16));
  if (tail === undefined) return parts(head);
  const [before, after] = [parts(head), parts(tail)];
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
