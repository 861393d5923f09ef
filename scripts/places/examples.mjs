// The examples of CONTRIBUTING.md: code blocks whose first line, a comment, says which file they go to and where.
/** @typedef {{ file: string, where: 'new' | 'before' | 'after', anchor: string, text: string }} Block */
/** @typedef {{ title: string, blocks: Block[] }} Example */

const heading = /^\/\/ (\S+\/\S+), (?:(new)|(before|after) `(.+)`)$/;

/** The examples, one for each section that has such blocks. @param {string} page @returns {Example[]} */
export function examplesIn(page) {
  const sections = page.split(/^## /m).slice(1);
  const examples = sections.map((section) => {
    const fenced = Array.from(section.matchAll(/^```\w+\n(.*)\n([\s\S]*?)^```$/gm));
    const blocks = fenced.flatMap(([, first, text]) => {
      const [, file, isNew, where, anchor] = heading.exec(first) ?? [];
      return file === undefined ? [] : [/** @type {Block} */ ({ file, where: isNew ?? where, anchor, text })];
    });
    return { title: section.slice(0, section.indexOf('\n')), blocks };
  });
  return examples.filter(({ blocks }) => blocks.length > 0);
}

/** The files that an example touches, including new ones, without tests and pages. @param {Example} example */
export function placesOf({ blocks }) {
  return [...new Set(blocks.map((b) => b.file).filter((file) => !/^(test|docs)\//.test(file)))];
}

/** The lines of code outside of tests and pages. @param {Example} example */
export function linesOf({ blocks }) {
  const code = blocks.filter((b) => !/^(test|docs)\//.test(b.file));
  return code.reduce((sum, { text }) => sum + text.trimEnd().split('\n').length, 0);
}

/**
 * The file with the block in its place, which is the first one that the anchor names. `before` puts lines above the
 * anchor's; `after` puts lines below it where the anchor ends its line, else the text behind it in the same line.
 *
 * @param {string | undefined} content undefined where there is no such file
 * @param {Block} block
 */
export function withBlock(content, { file, where, anchor, text }) {
  if (where === 'new') {
    if (content !== undefined) throw new Error(`${file} is new in CONTRIBUTING.md, but exists`);
    return text;
  }
  const at = content?.indexOf(anchor) ?? -1;
  if (content === undefined || at < 0) throw new Error(`${file} has no \`${anchor}\`, which CONTRIBUTING.md names`);
  if (where === 'before') {
    const line = content.lastIndexOf('\n', at) + 1;
    return `${content.slice(0, line)}${text}\n${content.slice(line)}`;
  }
  const end = at + anchor.length;
  const isLine = content[end] === '\n';
  return `${content.slice(0, end)}${isLine ? `\n${text.trimEnd()}` : ` ${text.trim()}`}${content.slice(end)}`;
}

/**
 * The contents of all files that the examples touch, once all are applied.
 *
 * @param {readonly Example[]} examples
 * @param {(file: string) => string | undefined} read what the project has under that name
 * @returns {Map<string, string>}
 */
export function contentsWith(examples, read) {
  const contents = new Map();
  for (const block of examples.flatMap(({ blocks }) => blocks)) {
    contents.set(block.file, withBlock(contents.get(block.file) ?? read(block.file), block));
  }
  return contents;
}
