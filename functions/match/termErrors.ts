// Why a worker that decides may go on no longer: lease.ts and postgresLink.ts throw them, ownership.ts ends the term.
import { TransientError } from '../function.ts';

/** The term of whoever writes is over: somebody else decides now. */
export class LeaseLostError extends TransientError {
  override name = 'LeaseLostError';
}

/**
 * The connection broke before the server said whether it has stored what it was told to. Whoever decides forgets all that it knows
 * and begins anew with what the store says; senders repeat the rest.
 */
export class InDoubtError extends LeaseLostError {
  override name = 'InDoubtError';
}
