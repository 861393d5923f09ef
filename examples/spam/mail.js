// What a person sees of a mail: sender, subject and text, without the other headers and the transport's encodings.

/** @typedef {{ headers: Map<string, string>, body: string }} Part */

/**
 * Headers, their names in lower case, and what follows the first empty line.
 *
 * @param {string} text
 * @returns {Part}
 */
function parse(text) {
  const gap = /\r?\n\r?\n/.exec(text);
  const head = gap === null ? text : text.slice(0, gap.index);
  const headers = new Map();
  for (const line of head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { headers, body: gap === null ? '' : text.slice(gap.index + gap[0].length) };
}

/**
 * The text of a mail or of a part of it, decoded; of several parts, all that are text.
 *
 * @param {Part} part
 * @returns {string}
 */
function textOf({ headers, body }) {
  const type = headers.get('content-type') ?? 'text/plain';
  const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1];
  if (boundary !== undefined) {
    const parts = body.split(`--${boundary}`).slice(1);
    return parts.map((text) => textOf(parse(text.replace(/^\r?\n/, '')))).join('\n');
  }
  if (!/^(text|message)/i.test(type)) return '';
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase();
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('latin1');
  if (encoding !== 'quoted-printable') return body;
  return body
    .replace(/=\r?\n/g, '')
    .replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/**
 * Without what is hidden, and one word each for all links and addresses.
 *
 * @param {string} text
 */
function simplified(text) {
  return text
    .replace(/<!--[\s\S]*?-->|<(style|script)\b[\s\S]*?<\/\1>/gi, '') // comments, with which spam splits its words, too
    .replace(/https?:\/\/[^\s"'<>]+/gi, ' url ')
    .replace(/[\w.+-]+@[\w.-]+/g, ' address ');
}

/**
 * Words and signs in lower case. HTML tags become words such as `<a`, what is hidden vanishes; links, addresses and numbers
 * become one word each for all of their kind.
 *
 * @param {string} text
 * @returns {string[]}
 */
function wordsOf(text) {
  const plain = simplified(text)
    .replace(/<\/[a-z][^<>]*>|&nbsp;/gi, ' ')
    .replace(/<([a-z]+\d?)\b[^<>]*>/gi, ' <$1 ')
    .replace(/\d/g, '0')
    .toLowerCase();
  return plain.match(/<?[a-z]{1,20}(?:'[a-z]{1,2})?\b|0+|[$!?%*]/g) ?? [];
}

/**
 * The sender's name and address, the latter as words.
 *
 * @param {Part} mail
 */
function senderOf({ headers }) {
  return (headers.get('from') ?? '').replace('@', ' at ').replaceAll('.', ' ');
}

/**
 * @param {string} text a whole mail
 * @returns {{ subject: string, envelope: string[], words: string[] }} envelope: the words of sender and subject, marked as
 *   such; words: those of the text
 */
export function readMail(text) {
  const mail = parse(text);
  const subject = mail.headers.get('subject') ?? '';
  const envelope = [
    ...wordsOf(senderOf(mail)).map((word) => `from:${word}`),
    ...wordsOf(subject).map((word) => `subject:${word}`),
  ];
  return { subject, envelope, words: wordsOf(textOf(mail)) };
}

/** @type {Record<string, string>} */
const entities = { nbsp: ' ', amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * Sender, subject and text as sentences, for a network that has learned to read before: without tags, with the words `url`,
 * `address` and `image` for what they stand for, 0 for each number, and three signs for a line of them.
 *
 * @param {string} text a whole mail
 */
export function plainText(text) {
  const mail = parse(text);
  const body = simplified(
    textOf(mail)
      .replace(/<a\s[^<>]*>/gi, ' url ')
      .replace(/<img\b[^<>]*>/gi, ' image '),
  )
    .replace(/<\/?[a-z][\w:]*(?:\s[^<>]*)?\/?>|<![^<>]*>/gi, ' ')
    .replace(/&#(\d{1,5});/g, (_, code) => String.fromCharCode(Number(code)))
    .replace(/&(\w+);/g, (entity, name) => entities[name] ?? entity)
    .replace(/\d+/g, '0');
  return `${senderOf(mail)}\n${mail.headers.get('subject') ?? ''}\n${body}`
    .replace(/([^\w\s])\1{3,}/g, '$1$1$1')
    .replace(/[^\S\n]+/g, ' ')
    .replace(/\s*\n\s*/g, '\n')
    .trim();
}
