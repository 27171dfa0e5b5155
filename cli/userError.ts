// An error that the user can mend: printed as it is, without a stack. Thrown by the commands, caught in mei.ts.

export const exitCodes = { failed: 1, badInput: 2, someCamerasFailed: 3 } as const;

export class UserError extends Error {
  override name = 'UserError';
  readonly exitCode: number;
  constructor(message: string, exitCode: number = exitCodes.failed, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
