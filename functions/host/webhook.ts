// The handshake of CloudEvents webhooks (OPTIONS): a sender asks whether its events are wanted; server.ts mounts it.
import { HttpError } from './answers.ts';
import type { RequestHandler } from 'express';
import type { PushAccess } from './pushAccess.ts';

const allow = 'POST, OPTIONS';

/**
 * Consent is in the answer or nowhere: a callback would make this worker call an address that a stranger chose.
 * It says nothing about who the sender is, which only a token does.
 */
export function handshake(access: PushAccess): RequestHandler {
  return (request, response) => {
    response.set('allow', allow);
    const origin = request.get('webhook-request-origin');
    if (origin === undefined) return void response.status(204).end();
    if (!/^[A-Za-z0-9]([-.A-Za-z0-9]{0,251}[A-Za-z0-9])?$/.test(origin))
      throw new HttpError(400, 'WebHook-Request-Origin: must be a host name');
    const wanted = request.get('webhook-request-rate');
    if (wanted !== undefined && !/^[1-9]\d{0,8}$/.test(wanted))
      throw new HttpError(400, 'WebHook-Request-Rate: must be a whole number of requests a minute');
    const camera = request.params.id;
    const rate = access.ratePerMinute(origin, camera === undefined ? undefined : String(camera));
    if (rate === 0)
      throw new HttpError(403, 'this origin is not admitted: see push.origins of the camera', { allow });
    response
      .status(200)
      .set('webhook-allowed-origin', origin)
      .set('webhook-allowed-rate', String(wanted === undefined ? rate : Math.min(rate, Number(wanted))))
      .end();
  };
}
