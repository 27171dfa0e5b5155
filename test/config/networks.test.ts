import { expect, test } from '@jest/globals';
import { cidrsOf, parseNetworks } from '../../config/networks.ts';

const allows = (networks: string, address: string) => parseNetworks(networks, 'NETWORKS').allows(address);
const everything = 'public,private,loopback';

test.each([
  ['93.184.216.34', 'public'],
  ['2606:2800:220:1::1', 'public'],
  ['10.1.2.3', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.0.10', 'private'],
  ['100.64.1.1', 'private'],
  ['fd12:3456::1', 'private'],
  ['127.0.0.1', 'loopback'],
  ['127.255.1.1', 'loopback'],
  ['::1', 'loopback'],
])('%s is %s and nothing else', (address, word) => {
  for (const other of everything.split(','))
    expect([other, allows(other, address)]).toEqual([other, other === word]);
});

test.each([
  ['::ffff:127.0.0.1', '127.0.0.1'],
  ['::ffff:7f00:1', '127.0.0.1'],
  ['::ffff:0:127.0.0.1', '127.0.0.1'],
  ['::127.0.0.1', '127.0.0.1'],
  ['64:ff9b::7f00:1', '127.0.0.1'],
  ['2002:7f00:1::', '127.0.0.1'],
  ['2002:a00:1::5', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['64:ff9b::5db8:d822', '93.184.216.34'],
  ['fd00::1%eth0', 'fd00::1'],
])('%s counts as %s', (disguise, address) => {
  for (const word of everything.split(',')) expect(allows(word, disguise)).toBe(allows(word, address));
});

test.each([
  '0.0.0.0',
  '169.254.1.1',
  '169.254.169.254',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  'fe80::1',
  'fe80::1%eth0',
  'ff02::1',
  '::ffff:169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  '2002:a9fe:a9fe::',
  'fd00:ec2::254',
  '100.100.100.200',
  '168.63.129.16',
  '2001::1',
])('%s is never meant by a word', (address) => {
  expect(allows(everything, address)).toBe(false);
});

test('a CIDR allows its addresses, but of cloud metadata only the very address', () => {
  expect(allows('169.254.0.0/16', '169.254.7.7')).toBe(true);
  expect(allows('169.254.0.0/16', '169.254.169.254')).toBe(false);
  expect(allows('0.0.0.0/0', '169.254.169.254')).toBe(false);
  expect(allows('169.254.169.254/32', '169.254.169.254')).toBe(true);
  expect(allows('10.0.0.0/24,fd00:1::/32', '10.0.1.1')).toBe(false);
  expect(allows('10.0.0.0/24, fd00:1::/32', 'fd00:1::9')).toBe(true);
});

test.each(['', 'localhost', '1.2.3', '10.0.0.1:80', 'example.com', '0x7f.1', '::g'])(
  '%p is no address',
  (text) => {
    expect(allows(`${everything},0.0.0.0/0,::/0`, text)).toBe(false);
  },
);

test.each(['internet', '10.0.0.0/33', '10.0.0/8', '10.0.0.0/8/8', '::/129', 'toString', '10.0.0.0/-1'])(
  '%p is refused as a setting',
  (text) => {
    expect(() => parseNetworks(text, 'MEI_NETWORKS')).toThrow(/^MEI_NETWORKS: ".*" is not public, private/);
  },
);

test('entries become CIDRs of a policy', () => {
  expect(cidrsOf('public')).toEqual(['0.0.0.0/0', '::/0']);
  expect(cidrsOf('private')).toContain('192.168.0.0/16');
  expect(cidrsOf('10.1.1.1')).toEqual(['10.1.1.1/32']);
  expect(cidrsOf('10.1.0.0/16')).toEqual(['10.1.0.0/16']);
});
