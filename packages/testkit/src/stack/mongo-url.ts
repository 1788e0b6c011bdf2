const FORM = /^(?<server>mongodb(?:\+srv)?:\/\/[^/?]+)\/?(?<database>[^?]*)(?<query>\?.*)?$/;

/** The same MongoDB with another database; new URL() does not know addresses of several hosts. */
export function mongoUrlWithDatabase(url: string, database: string): string {
  const parts = FORM.exec(url)?.groups;
  if (parts?.['server'] === undefined) throw new Error('MONGODB_URL must begin with mongodb:// or mongodb+srv://.');
  const { server, database: named = '', query = '' } = parts;
  // users live in the database that the URL named, unless it says otherwise
  const authSource =
    server.includes('@') && named !== '' && !query.includes('authSource=') ? `authSource=${named}` : '';
  const options = [query.slice(1), authSource].filter((option) => option !== '').join('&');
  return `${server}/${database}${options === '' ? '' : `?${options}`}`;
}
