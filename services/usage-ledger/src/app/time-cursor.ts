import { OmgError } from '@omg/errors';

const PAGE = { usual: 50, most: 1_000 };

/** Where a page ended in a list by time and id. */
export interface TimeCursor {
  readonly at: Date;
  readonly id: string;
}

export function pageSizeOf(asked: number): number {
  return asked === 0 ? PAGE.usual : Math.min(asked, PAGE.most);
}

export function formatTimeCursor({ at, id }: TimeCursor): string {
  return `${at.getTime()}~${id}`;
}

export function parseTimeCursor(token: string): TimeCursor | undefined {
  if (token === '') return undefined;
  const [, time, id] = /^(\d{1,15})~(.+)$/s.exec(token) ?? [];
  if (time === undefined || id === undefined) throw noToken();
  return { at: new Date(Number(time)), id };
}

export function noToken(): OmgError {
  return new OmgError('invalid_argument', 'page_token is none that this service gave');
}
