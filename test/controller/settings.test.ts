import { expect, test } from '@jest/globals';
import { readSettings } from '../../controller/settings.ts';

test('everything has a default', () => {
  expect(readSettings({}, 'image:1', 'host-7')).toEqual({
    identity: 'host-7',
    namespace: 'multi-edge-inference',
    leaseName: 'multi-edge-inference-controller',
    port: 8080,
    host: '0.0.0.0',
    logLevel: 'info',
    installation: {
      image: 'image:1',
      imagePullPolicy: 'IfNotPresent',
      imagePullSecrets: [],
      fileFolders: ['/var/lib/recordings'],
      edgeNodeSelector: {},
      knativeNamespaces: ['knative-serving', 'kourier-system', 'istio-system', 'contour-internal'],
      reach: {
        MEI_CAMERA_NETWORKS: 'public,private',
        MEI_CAMERA_HOSTS: '',
        MEI_DOWNLOAD_NETWORKS: 'public',
        MEI_DOWNLOAD_HOSTS: '',
      },
    },
  });
});

test('the environment decides', () => {
  const env = {
    POD_NAME: 'controller-1',
    POD_NAMESPACE: 'ns',
    MEI_IMAGE: 'image:2',
    MEI_IMAGE_PULL_POLICY: 'Never',
    MEI_IMAGE_PULL_SECRETS: 'registry,mirror.example',
    MEI_FILE_FOLDERS: '/a:/b/c',
    MEI_EDGE_NODE_SELECTOR: 'node-role.kubernetes.io/edge=,zone=x',
    MEI_KNATIVE_NAMESPACES: 'knative-serving,gateway',
    PORT: '0',
  };
  expect(readSettings(env, 'image:1', 'host-7')).toMatchObject({
    identity: 'controller-1',
    namespace: 'ns',
    port: 0,
    installation: {
      image: 'image:2',
      imagePullPolicy: 'Never',
      imagePullSecrets: ['registry', 'mirror.example'],
      fileFolders: ['/a', '/b/c'],
      edgeNodeSelector: { 'node-role.kubernetes.io/edge': '', zone: 'x' },
      knativeNamespaces: ['knative-serving', 'gateway'],
    },
  });
});

test('all mistakes are named at once', () => {
  const env = {
    PORT: 'http',
    MEI_IMAGE_PULL_POLICY: 'Sometimes',
    MEI_IMAGE_PULL_SECRETS: 'My_Registry',
    MEI_FILE_FOLDERS: '/:recordings:/a/../etc',
    MEI_EDGE_NODE_SELECTOR: 'edge',
    MEI_KNATIVE_NAMESPACES: 'gateway, serving',
    MEI_LOG_LEVEL: 'loud',
  };
  expect(() => readSettings(env, 'image:1', 'host-7')).toThrow(
    /PORT.*MEI_IMAGE_PULL_POLICY.*MEI_IMAGE_PULL_SECRETS: "My_Registry".*MEI_FILE_FOLDERS: \/ is.*MEI_FILE_FOLDERS: recordings.*\/a\/\.\.\/etc.*MEI_LOG_LEVEL.*MEI_EDGE_NODE_SELECTOR.*MEI_KNATIVE_NAMESPACES: " serving" is not/s,
  );
});

test('a port for local controllers needs certificate, key and tokens; without it there are none', () => {
  expect(readSettings({}, 'image', 'name')).not.toHaveProperty('link');
  expect(() => readSettings({ MEI_LINK_PORT: '8443' }, 'image', 'name')).toThrow(
    /MEI_LINK_CERT: must name [^]*MEI_LINK_KEY: must name [^]*MEI_LINK_TOKENS: must name /,
  );
  const files = { MEI_LINK_CERT: '/a', MEI_LINK_KEY: '/b', MEI_LINK_TOKENS: '/c' };
  expect(
    readSettings({ MEI_LINK_PORT: '8443', MEI_LC_PORT: '9101', ...files }, 'image', 'name'),
  ).toMatchObject({
    link: { port: 8443, files: { certificate: '/a', key: '/b', tokensFolder: '/c' } },
    installation: { localControllerPort: 9101 },
  });
  expect(() => readSettings({ MEI_LINK_PORT: '8443', MEI_LC_PORT: '0', ...files }, 'image', 'name')).toThrow(
    'MEI_LC_PORT',
  );
});
