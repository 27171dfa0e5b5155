// The OpenAPI document of match's questions, as the text of docs/reference/queries.openapi.json; match serves the same.
import { answerSchemas } from './answers.ts';
import { mostPictureBytes, routes, type Parameter, type Route } from './routes.ts';

/** OpenAPI 3.1, formatted as it is committed. */
export function openApiText(): string {
  return `${JSON.stringify(openApi(), undefined, 2)}\n`;
}

export function openApi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = `/api${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Questions about people',
      version: '1',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'Served by the worker of the match stage. The same question about a store that did not change gives the same answer, ' +
        'byte by byte. docs/history.md explains it.',
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'Needed unless the worker is reached by loopback on one machine.',
        },
      },
      schemas: Object.fromEntries(answerSchemas.map((schema) => [nameOf(schema), plain(schema)])),
    },
  };
}

function operation({ id, summary, role, parameters, takes, gives }: Route): object {
  const refusal = (description: string) => ({
    description,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  });
  return {
    operationId: id,
    summary,
    description: `Role of the token: ${role}.`,
    parameters: parameters.map(parameter),
    ...(takes && { requestBody: { required: true, content: contentOf(takes) } }),
    responses: {
      200: {
        description: 'The answer',
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${gives}` } } },
      },
      400: refusal('A parameter is wrong'),
      401: refusal('No token, or none that counts'),
      403: refusal('The token may look, but not operate'),
      404: refusal('There is no such person, track or target'),
      ...(takes && {
        413: refusal('The body is too large'),
        415: refusal('Not a JPEG, PNG or WebP'),
        422: refusal('The picture or the vector cannot be used'),
      }),
      429: refusal('Too many questions at a time: come again after Retry-After'),
      503: refusal('Not now: come again after Retry-After'),
    },
  };
}

function contentOf(takes: NonNullable<Route['takes']>): object {
  const picture = { schema: { type: 'string', format: 'binary', maxLength: mostPictureBytes } };
  return {
    'image/jpeg': picture,
    'image/png': picture,
    'image/webp': picture,
    ...(takes === 'picture or JSON' && {
      'application/json': { schema: { $ref: '#/components/schemas/SearchRequest' } },
    }),
  };
}

function parameter({ name, in: place, type, description, minimum, maximum, otherwise }: Parameter): object {
  const types = {
    text: 'string',
    time: ['number', 'string'],
    whole: 'integer',
    number: 'number',
    yes: 'boolean',
  };
  const schema = {
    type: types[type],
    ...(type === 'text' && { minLength: 1, maxLength: 512 }),
    ...(minimum !== undefined && { minimum }),
    ...(maximum !== undefined && { maximum }),
    ...(otherwise !== undefined && { default: otherwise }),
  };
  return { name, in: place, required: place === 'path', description, schema };
}

function nameOf(schema: object): string {
  return (schema as { $id: string }).$id;
}

/** Without the names that only this program uses, and with references as OpenAPI wants them. */
function plain(schema: object): unknown {
  const text = JSON.stringify(schema, (key, value: unknown) => {
    if (key === '$id') return undefined;
    return key === '$ref' && typeof value === 'string' ? `#/components/schemas/${value}` : value;
  });
  return JSON.parse(text);
}
