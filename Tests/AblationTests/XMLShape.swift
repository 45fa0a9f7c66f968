/// Whether every element of a small XML text is closed, in order.
struct XMLShape {
  let isBalanced: Bool

  init(_ text: String) {
    var open: [Substring] = []
    var isSound = true
    for part in text.split(separator: "<").dropFirst(text.hasPrefix("<") ? 0 : 1) {
      let tag = part.prefix { $0 != ">" }
      let name = tag.drop { $0 == "/" }.prefix { !" />\n".contains($0) }
      if tag.hasPrefix("/") {
        isSound = isSound && open.popLast() == name
      } else if !tag.hasSuffix("/") {
        open.append(name)
      }
    }
    isBalanced = isSound && open.isEmpty
  }
}
