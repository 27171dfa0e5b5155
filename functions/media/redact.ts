// What of an address people and logs may see; everything that puts one into a message calls it.

/**
 * A path or URL as it may be shown: user, password and query (tokens) are cut out. Passwords with unescaped slashes
 * are common, so everything up to the last @ counts as login.
 */
export function redact(source: string): string {
  return source.replace(/^([a-z][a-z0-9+.-]*:\/\/)(?:.*@)?([^?#]*).*$/is, '$1$2');
}
