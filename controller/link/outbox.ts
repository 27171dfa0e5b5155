// The way from the controller to the status function: what the upstream route hands over, and what takes it from there.

/** A CloudEvent 1.0 in its JSON form. */
export interface OutgoingEvent {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  time: string;
  subject?: string;
  partitionkey?: string;
  datacontenttype: 'application/json';
  data: object;
}

export interface Outbox {
  /**
   * Resolves once the event is kept as safely as this outbox keeps things; events of one partition key arrive in order.
   * @param url where it is to arrive at last
   * @param token what is shown there
   * @throws TransientError while there is no room
   */
  accept(event: OutgoingEvent, url: string, token?: string): Promise<void>;
  /** Events that have not arrived yet. */
  waiting(): number;
  /** Delivers what it can within a moment, then ends. */
  close(): Promise<void>;
}
