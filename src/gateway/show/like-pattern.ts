// LIKE on names, as SHOW and information_schema have it: a backslash escapes; mostly without case.

export function likePattern(like: string, heedsCase = false): RegExp {
  let source = "";
  for (let at = 0; at < like.length; at++) {
    const char = like.charAt(at);
    if (char === "%") source += "[^]*";
    else if (char === "_") source += "[^]";
    else {
      const literal = char === "\\" && at + 1 < like.length ? like.charAt(++at) : char;
      source += literal.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
    }
  }
  return new RegExp(`^${source}$`, heedsCase ? "u" : "iu");
}
