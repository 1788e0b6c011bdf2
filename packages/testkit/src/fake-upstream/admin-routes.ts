import { z } from 'zod';

import { AdminProblem, jsonReply, parseJsonBody, textReply } from '../fake-common/admin-http.ts';
import type { AdminReply, AdminRoute } from '../fake-common/admin-http.ts';
import { parseOrProblems } from '../fake-common/parse-or-problems.ts';
import { ADMIN_HELP } from './admin-help.ts';
import type { Books } from './books.ts';
import { parseFaultRules } from './fault-rule.ts';
import type { FaultTable } from './fault-table.ts';
import { announcementSchema } from './proxy-registry.ts';
import type { ProxyRegistry } from './proxy-registry.ts';

const wholeNumber = z.coerce.number().int().nonnegative();

const filterSchema = z.strictObject({
  key: z.string().optional(),
  model: z.string().optional(),
  proxy: z.string().optional(),
  requestId: z.string().optional(),
  since: wholeNumber.optional(),
  limit: wholeNumber.optional(),
});

export interface AdminDeps {
  readonly books: Books;
  readonly faults: FaultTable;
  readonly proxies: ProxyRegistry;
}

export function adminRoutes({ books, faults, proxies }: AdminDeps): AdminRoute[] {
  return [
    { method: 'GET', path: /^\/$/, handle: () => textReply(ADMIN_HELP) },
    { method: 'GET', path: /^\/healthz$/, handle: () => textReply('ok\n') },
    {
      method: 'POST',
      path: /^\/faults$/,
      handle: ({ body }) => {
        const rules = orRefuse(parseFaultRules(parseJsonBody(body)));
        return jsonReply({ ids: rules.map((rule) => faults.add(rule)) }, 201);
      },
    },
    { method: 'GET', path: /^\/faults$/, handle: () => jsonReply({ faults: faults.list() }) },
    {
      method: 'DELETE',
      path: /^\/faults$/,
      handle: () => {
        faults.clear();
        return jsonReply({ faults: [] });
      },
    },
    {
      method: 'DELETE',
      path: /^\/faults\/([^/]+)$/,
      handle: ({ params: [id = ''] }) => {
        if (!faults.remove(id)) throw new AdminProblem(404, [`no fault ${id}`]);
        return jsonReply({ removed: id });
      },
    },
    {
      method: 'GET',
      path: /^\/books$/,
      handle: ({ query }) => {
        const filter = orRefuse(parseOrProblems(filterSchema, Object.fromEntries(query), 'query'));
        return jsonReply({ books: books.list(filter) });
      },
    },
    {
      method: 'DELETE',
      path: /^\/books$/,
      handle: () => {
        books.clear();
        return jsonReply({ books: [] });
      },
    },
    {
      method: 'GET',
      path: /^\/books\/([^/]+)$/,
      handle: ({ params: [id = ''] }) => {
        const entry = books.find(id);
        if (entry === null) throw new AdminProblem(404, [`no book entry ${id}`]);
        return jsonReply(entry);
      },
    },
    {
      method: 'GET',
      path: /^\/books\/([^/]+)\/body$/,
      handle: ({ params: [id = ''] }) => bytesReply(books, id, books.responseBody(id)),
    },
    {
      method: 'GET',
      path: /^\/books\/([^/]+)\/request$/,
      handle: ({ params: [id = ''] }) => bytesReply(books, id, books.requestBody(id)),
    },
    { method: 'GET', path: /^\/stats$/, handle: () => jsonReply(books.snapshot()) },
    {
      method: 'POST',
      path: /^\/proxies$/,
      handle: ({ body }) => {
        proxies.announce(orRefuse(parseOrProblems(announcementSchema, parseJsonBody(body), 'proxy')));
        return jsonReply({}, 201);
      },
    },
  ];
}

function orRefuse<T>(parsed: { ok: true; value: T } | { ok: false; problems: string[] }): T {
  if (!parsed.ok) throw new AdminProblem(400, parsed.problems);
  return parsed.value;
}

function bytesReply(books: Books, id: string, bytes: Buffer | null): AdminReply {
  const entry = books.find(id);
  if (entry === null) throw new AdminProblem(404, [`no book entry ${id}`]);
  if (bytes === null) throw new AdminProblem(410, [`the bodies of entry ${entry.id} were dropped to make room`]);
  return {
    status: 200,
    contentType: 'application/octet-stream',
    body: bytes,
    headers: { 'x-book-id': String(entry.id) },
  };
}
