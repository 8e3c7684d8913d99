/** URLs in messages: where something is, without the secrets that paths and queries hold (passkeys, signatures, passwords). */

/** Characters that are shown of what is no URL. */
const MOST_SHOWN = 100;

/**
 * A tracker's or web seed's URL as messages show it, to be put into bug reports as it stands: scheme, host and port. Of what
 * is no URL, what looks like that.
 */
export function shownUrl(text: string): string {
  const url = URL.parse(text);
  if (url !== null && url.host !== "") return `${url.protocol}//${url.host}`;
  const [, scheme = "", place = ""] = /^([a-z][a-z\d+.-]*:\/\/)?(?:[^/?#]*@)?([^/?#]*)/i.exec(text) ?? [];
  return (scheme + place).slice(0, MOST_SHOWN);
}
