// Certificates of a test's own, made by openssl: an authority, a server on loopback, and nodes.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  certificate: string;
  key: string;
}

export interface Authority {
  /** File of the authority's certificate. */
  ca: string;
  /** Signs a certificate for a name, with these alternative names, such as `DNS:edge-1` or `IP:127.0.0.1`. */
  sign(name: string, alternatives?: string): Certificate;
}

export function createAuthority(folder: string, title = 'test'): Authority {
  const path = (name: string) => join(folder, `${title}-${name}`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const [ca, caKey] = [path('ca.crt'), path('ca.key')];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    caKey,
    '-out',
    ca,
    '-days',
    '2',
    '-subj',
    `/CN=${title} authority`,
  );
  return {
    ca,
    sign(name, alternatives) {
      const [certificate, key, request, extensions] = ['crt', 'key', 'csr', 'ext'].map((ending) =>
        path(`${name}.${ending}`),
      ) as [string, string, string, string];
      openssl('req', ...newKey, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
      writeFileSync(extensions, alternatives === undefined ? '' : `subjectAltName=${alternatives}\n`);
      const signing = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', extensions];
      openssl('x509', '-req', '-in', request, '-out', certificate, ...signing);
      return { certificate, key };
    },
  };
}
