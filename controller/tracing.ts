// Where the workers of this installation send their spans: settings.ts reads it, podTemplate.ts and network.ts pass it on. A key for the
// collector is not among it, because pods of all namespaces would show it: a collector in the cluster keeps its own.

export interface Tracing {
  url: string;
  /** The variables as workers read them. */
  env: Record<string, string>;
}

const endpoints = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const;

/** Undefined when no endpoint is named: nothing is traced. @param problems gets a line for each value that is wrong */
export function readTracing(env: NodeJS.ProcessEnv, problems: string[]): Tracing | undefined {
  const named = endpoints.filter((name) => env[name]);
  const wrong = named.filter((name) => !isHttp(env[name]!));
  for (const name of wrong) problems.push(`${name}: must be an http or https address, not ${env[name]!}`);
  const share = env['OTEL_TRACES_SAMPLER_ARG'];
  if (share && !(Number(share) >= 0 && Number(share) <= 1))
    problems.push(`OTEL_TRACES_SAMPLER_ARG: must be from 0 to 1, not ${share}`);
  if (env['OTEL_EXPORTER_OTLP_HEADERS'])
    problems.push(
      'OTEL_EXPORTER_OTLP_HEADERS: is not passed to workers, whose pods would show it: let a collector in the cluster add it',
    );
  if (!named[0] || wrong.length > 0) return undefined;
  return {
    url: env[named[0]]!,
    env: {
      ...Object.fromEntries(named.map((name) => [name, env[name]!])),
      ...(share && { OTEL_TRACES_SAMPLER_ARG: share }),
    },
  };
}

function isHttp(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
