/** Secrets are taken out of texts for people where errors are made, so that no log, report or terminal gets them. */

const SHOWN = "[secret]"

/** Shorter values are likely to be words of a message. */
const SHORTEST_CHARACTERS = 8

const known = new Set<string>()

/** User and password of an address: all up to the last @ before the path. */
const userInfo = /([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#]{1,1000}@/gi

/** The same where the password has a / in it, which makes it no address: behind a colon stands a port or a password. */
const brokenUserInfo = /([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#@:[]{0,200}:(?!\d{1,5}(?:[/?#\s"'<>]|$))\S{1,1000}@/gi

/** Parameters of an address that hold keys, by their names. */
const queryKey =
  /([?&](?:[a-z_-]{0,30}(?:key|token|secret|password|passwd|signature)|auth|sig|pw)=)[^&\s"'<>#]{1,2000}/gi

/**
 * From now on a value is shown nowhere: a key of a server, a token of a hub, a password.
 * @param value  values of fewer than eight characters are left alone: they are likely to be words of a message
 */
export function keepSecret(value: string | undefined): void {
  if (value !== undefined && value.length >= SHORTEST_CHARACTERS) known.add(value)
}

/** A text without passwords of addresses, keys in their parameters, and the values that `keepSecret` was told. */
export function withoutSecrets(text: string): string {
  let shown = text
  // The longest first: one may be a part of another.
  for (const secret of [...known].sort((a, b) => b.length - a.length)) shown = shown.replaceAll(secret, SHOWN)
  return shown
    .replaceAll(userInfo, `$1${SHOWN}@`)
    .replaceAll(brokenUserInfo, `$1${SHOWN}@`)
    .replaceAll(queryKey, `$1${SHOWN}`)
}
