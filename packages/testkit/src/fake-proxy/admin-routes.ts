import { AdminProblem, jsonReply, parseJsonBody, textReply } from '../fake-common/admin-http.ts';
import type { AdminRoute } from '../fake-common/admin-http.ts';
import { parseOrProblems } from '../fake-common/parse-or-problems.ts';
import { proxyStateSchema } from './proxy-state.ts';
import type { ProxyState } from './proxy-state.ts';
import type { TunnelBooks } from './tunnel-books.ts';

const HELP = `Fake proxy: administration. Guide: docs/guides/fake-upstream.md

GET    /state     how it behaves
POST   /state     {"mode": "up" | "dead" | "refuse" | "stall", "httpStatus", "socksReply", "stallTunnels",
                   "connectDelayMs", "chunkDelayMs", "forMs"}; what is not named takes its default, {} heals
GET    /books     every connection that was asked for
DELETE /books     forgets them and sets the sums to zero
GET    /stats     sums
GET    /healthz
`;

export interface ProxyAdminDeps {
  readonly books: TunnelBooks;
  readonly state: () => ProxyState;
  readonly setState: (state: ProxyState) => Promise<void>;
}

export function proxyAdminRoutes({ books, state, setState }: ProxyAdminDeps): AdminRoute[] {
  return [
    { method: 'GET', path: /^\/$/, handle: () => textReply(HELP) },
    { method: 'GET', path: /^\/healthz$/, handle: () => textReply('ok\n') },
    { method: 'GET', path: /^\/state$/, handle: () => jsonReply(state()) },
    {
      method: 'POST',
      path: /^\/state$/,
      handle: async ({ body }) => {
        const parsed = parseOrProblems(proxyStateSchema, parseJsonBody(body), 'state');
        if (!parsed.ok) throw new AdminProblem(400, parsed.problems);
        await setState(parsed.value);
        return jsonReply(state());
      },
    },
    { method: 'GET', path: /^\/books$/, handle: () => jsonReply({ books: books.list() }) },
    {
      method: 'DELETE',
      path: /^\/books$/,
      handle: () => {
        books.clear();
        return jsonReply({ books: [] });
      },
    },
    { method: 'GET', path: /^\/stats$/, handle: () => jsonReply(books.stats()) },
  ];
}
