// The environment of a local controller.
import { expect, test } from '@jest/globals';
import { readSettings } from '../../../controller/local/settings.ts';

const good = {
  NODE_NAME: 'edge-1',
  MEI_CONTROLLER_URL: 'wss://controller.example:8443',
  MEI_NODE_TOKEN_FILE: '/etc/token',
};

test('what is not said has a usual value', () => {
  expect(readSettings(good)).toEqual({
    node: 'edge-1',
    storeFolder: '/var/lib/multi-edge-inference',
    controllerUrl: new URL(good.MEI_CONTROLLER_URL),
    tokenFile: '/etc/token',
    heartbeat: { pingMs: 15_000, deadMs: 40_000 },
    reconnectMs: { minMs: 1000, maxMs: 30_000 },
    port: 9100,
    host: '127.0.0.1',
    logLevel: 'info',
  });
});

test.each([
  [{ NODE_NAME: '' }, 'NODE_NAME: must be the name of this node in the cluster, not ""'],
  [{ NODE_NAME: '../edge' }, 'NODE_NAME: must be the name of this node in the cluster, not "../edge"'],
  [
    { MEI_CONTROLLER_URL: 'https://a' },
    'MEI_CONTROLLER_URL: must be the wss:// address of the controller, not "https://a"',
  ],
  // The token would go over it in clear.
  [
    { MEI_CONTROLLER_URL: 'ws://a' },
    'MEI_CONTROLLER_URL: must be the wss:// address of the controller, not "ws://a"',
  ],
  [
    { MEI_NODE_TOKEN_FILE: '' },
    'MEI_NODE_TOKEN_FILE: must name the file with the token of this node, or MEI_NODE_CERT and MEI_NODE_KEY its certificate',
  ],
  [{ MEI_LINK_DEAD_MS: '20000' }, 'MEI_LINK_DEAD_MS: must be more than twice MEI_LINK_PING_MS'],
  [{ PORT: 'x' }, 'PORT: must be a whole number from 0 to 65535, not "x"'],
  [{ MEI_LOG_LEVEL: 'loud' }, 'MEI_LOG_LEVEL: must be one of trace, debug, info, warn, error, fatal, silent'],
])('%j is refused in words', (change, words) => {
  expect(() => readSettings({ ...good, ...change })).toThrow(words);
});

test('all problems come at once, and a link without TLS only on this machine', () => {
  expect(() => readSettings({})).toThrow(/NODE_NAME[^]*MEI_CONTROLLER_URL[^]*MEI_NODE_TOKEN_FILE/);
  expect(readSettings({ ...good, MEI_CONTROLLER_URL: 'ws://127.0.0.1:1' }).controllerUrl.port).toBe('1');
});
