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
 * Words and signs in lower case. HTML tags become words such as `<a`, comments (with which spam splits its words) vanish;
 * links, addresses and numbers become one word each for all of their kind.
 *
 * @param {string} text
 * @returns {string[]}
 */
function wordsOf(text) {
  const plain = text
    .replace(/<!--[\s\S]*?-->|<(style|script)[\s\S]*?<\/\1>/gi, '')
    .replace(/https?:\/\/[^\s"'<>]+/gi, ' url ')
    .replace(/[\w.+-]+@[\w.-]+/g, ' address ')
    .replace(/<\/[a-z][^<>]*>|&nbsp;/gi, ' ')
    .replace(/<([a-z]+\d?)\b[^<>]*>/gi, ' <$1 ')
    .replace(/\d/g, '0')
    .toLowerCase();
  return plain.match(/<?[a-z]{1,20}(?:'[a-z]{1,2})?\b|0+|[$!?%*]/g) ?? [];
}

/**
 * @param {string} text a whole mail
 * @returns {{ subject: string, envelope: string[], words: string[] }} envelope: the words of sender and subject, marked as
 *   such; words: those of the text
 */
export function readMail(text) {
  const mail = parse(text);
  const subject = mail.headers.get('subject') ?? '';
  const sender = (mail.headers.get('from') ?? '').replace('@', ' at ').replaceAll('.', ' ');
  const envelope = [
    ...wordsOf(sender).map((word) => `from:${word}`),
    ...wordsOf(subject).map((word) => `subject:${word}`),
  ];
  return { subject, envelope, words: wordsOf(textOf(mail)) };
}
