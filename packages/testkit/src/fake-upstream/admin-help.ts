import { ERROR_NAMES } from './named-errors.ts';
import { PRESET_NAMES } from './presets.ts';

export const ADMIN_HELP = `Fake upstream: administration. Guide: docs/guides/fake-upstream.md

POST   /faults            one rule or a list of them; 400 names every problem
GET    /faults            the rules with what they have seen and hit
DELETE /faults            all of them
DELETE /faults/:id        one of them
GET    /books             every request; ?key= &model= &proxy= &requestId= &since= &limit= (newest last)
DELETE /books             forgets the entries and sets the sums to zero
GET    /books/:id         one entry; id is a number, "last" or a provider's request id
GET    /books/:id/body    the exact body bytes that were sent
GET    /books/:id/request the exact body bytes that were received
GET    /stats             sums: requests, open streams, status, keys, tokens
POST   /proxies           a fake proxy announces a connection {name, address, port}
GET    /healthz

A rule: {"match": {"key", "proxy", "model", "path", "dialect", "stream"}, one of "fault", "answer", "script",
         "times" or "once", "skip", "forMs", "share", "id", "afterScript"}
Faults: a status number; reset, close, silence, cut, stall, malformed, error-event, no-terminal;
        or the name of an error body:
${ERROR_NAMES.map((name) => `          ${name}`).join('\n')}
Presets of recorded usage: ${PRESET_NAMES.join(', ')}

Example: curl -d '{"match": {"key": "k1"}, "fault": 429, "times": 3}' $FAKE_ADMIN/faults
`;
