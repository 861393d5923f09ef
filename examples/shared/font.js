/** Glyphs are 5 wide and 9 high: 7 rows on the line, 2 below it. The first is the space, the last stands for the unknown. */
export const glyphWidth = 5;
export const glyphHeight = 9;

// Six bands of sixteen characters in ASCII order, drawn so that they can be read and edited here.
const art = `
|        #    # #   # #    #   ##  #  ##     #      #   #                                      #
|        #    # #   # #   #### ##  # #  #    #     #     #     #     #                         #
|        #    # #  ##### # #      #  # #     #    #       #  # # #   #                        #
|        #          # #   ###    #    #           #       #   ###  #####        ###          #
|        #         #####   # #  #    # # #        #       #  # # #   #                      #
|                   # #  ####  #  ## #  #         #       #    #     #     #               #
|        #          # #    #   #  ##  ## #         #     #                 #           #   #
|                                                   #   #                 #
|
| ###    #    ###   ###     #  #####   ##  #####  ###   ###                                 ###
|#   #  ##   #   # #   #   ##  #      #        # #   # #   #                #         #    #   #
|#   #   #       #     #  # #  ####  #        #  #   # #   #   #     #     #   #####   #       #
|#   #   #      #    ##  #  #      # ####     #   ###   ####              #             #     #
|#   #   #     #       # #####     # #   #   #   #   #     #               #   #####   #     #
|#   #   #    #    #   #    #  #   # #   #   #   #   #    #    #     #      #         #
| ###   ###  #####  ###     #   ###   ###    #    ###   ##           #                       #
|                                                                   #
|
| ###   ###  ####   ###  ####  ##### #####  ###  #   #  ###    ### #   # #     #   # #   #  ###
|#   # #   # #   # #   # #   # #     #     #   # #   #   #      #  #  #  #     ## ## ##  # #   #
|# ### #   # #   # #     #   # #     #     #     #   #   #      #  # #   #     # # # ##  # #   #
|# # # ##### ####  #     #   # ####  ####  # ### #####   #      #  ##    #     # # # # # # #   #
|# ### #   # #   # #     #   # #     #     #   # #   #   #      #  # #   #     #   # #  ## #   #
|#     #   # #   # #   # #   # #     #     #   # #   #   #   #  #  #  #  #     #   # #  ## #   #
| ###  #   # ####   ###  ####  ##### #      #### #   #  ###   ##   #   # ##### #   # #   #  ###
|
|
|####   ###  ####   #### ##### #   # #   # #   # #   # #   # #####  ###  #      ###    #
|#   # #   # #   # #       #   #   # #   # #   # #   # #   #     #  #    #        #   # #
|#   # #   # #   # #       #   #   # #   # #   #  # #   # #     #   #     #       #  #   #
|####  #   # ####   ###    #   #   # #   # # # #   #     #     #    #      #      #
|#     # # # # #       #   #   #   #  # #  # # #  # #    #    #     #       #     #
|#     #  #  #  #      #   #   #   #  # #  ## ## #   #   #   #      #        #    #
|#      ## # #   # ####    #    ###    #   #   # #   #   #   #####  #        #    #
|                                                                   ###         ###        #####
|
| #          #               #         ##        #       #      #  #      ##
|  #         #               #        #  #       #                 #       #
|       ###  ####   ###   ####  ###   #     #### ####   ##     ##  #  #    #   ## #  ####   ###
|          # #   # #   # #   # #   # ####  #   # #   #   #      #  # #     #   # # # #   # #   #
|       #### #   # #     #   # #####  #    #   # #   #   #      #  ##      #   # # # #   # #   #
|      #   # #   # #   # #   # #      #    #   # #   #   #      #  # #     #   # # # #   # #   #
|       #### ####   ###   ####  ####  #     #### #   #  ###     #  #  #   ###  # # # #   #  ###
|                                              #             #  #
|                                           ###               ##
|                         #                                           #    #    #          #####
|                         #                                          #     #     #         #   #
|####   #### # ##   #### ####  #   # #   # #   # #   # #   # #####   #     #     #    #    #   #
|#   # #   # ##  # #      #    #   # #   # # # #  # #  #   #    #   #      #      #  # # # #   #
|#   # #   # #      ###   #    #   # #   # # # #   #   #   #   #     #     #     #      #  #   #
|#   # #   # #         #  #  # #   #  # #  # # #  # #  #   #  #      #     #     #         #   #
|####   #### #     ####    ##   ####   #    # #  #   #  #### #####   #     #     #         #####
|#         #                                               #          #    #    #
|#         #                                            ###
`;

const rows = art.split('\n').slice(1, -1);

/** @type {Map<string, boolean[]>} per character, row by row, whether a pixel has ink */
const glyphs = new Map();
for (let code = 32; code < 128; code++) {
  const top = Math.floor((code - 32) / 16) * glyphHeight;
  const left = 1 + ((code - 32) % 16) * (glyphWidth + 1);
  const ink = [];
  for (let y = 0; y < glyphHeight; y++) {
    for (let x = 0; x < glyphWidth; x++) ink.push((rows[top + y] ?? '')[left + x] === '#');
  }
  glyphs.set(String.fromCharCode(code), ink);
}

/**
 * The pixels of a character; one that is not ASCII is drawn as a box.
 * @param {string} character
 * @returns {boolean[]} 9 rows of 5
 */
export function glyph(character) {
  return glyphs.get(character) ?? /** @type {boolean[]} */ (glyphs.get('\x7f'));
}
